"""The browser's token: 256 random bits and our signature, so that a forged one costs no query. And all else we sign."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

_RANDOM_BYTES = 32
_PART = 43
"""Length of 32 bytes in unpadded base64url."""
_LONGEST = 4096
"""Characters of signed content. More was not issued here."""
_REMEMBERED = 10_000
"""Signatures that are not made again: each run issues the tokens of all fields it shows."""


def new_token(secret: str) -> str:
    """Return a fresh token, 87 ASCII characters: the random part, a dot, its signature."""
    random = _encode(secrets.token_bytes(_RANDOM_BYTES))
    return f"{random}.{sign(secret, 'token', random)}"


def verify(token: str, secret: str) -> bool:
    """Return True if we issued this token. Any text may be given; a wrong one is False, never an error."""
    if len(token) != 2 * _PART + 1 or not token.isascii():
        return False
    random, dot, signature = token[:_PART], token[_PART], token[_PART + 1 :]
    return dot == "." and hmac.compare_digest(signature, sign(secret, "token", random))


def token_hash(token: str) -> str:
    """Return the only form in which a token is stored or logged: its SHA-256 in 64 hex digits."""
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def anonymous_session_id(token: str, secret: str) -> str:
    """Return the id of the session of a browser nobody has signed in with. It doesn't reveal the token."""
    return f"anon-{sign(secret, 'anonymous', token)}"


def sign(secret: str, purpose: str, text: str) -> str:
    """Return our signature of a text for one purpose, 43 characters of base64url: it counts for no other purpose."""
    return _encode(hmac.digest(secret.encode(), f"{purpose}:{text}".encode(), hashlib.sha256))


def signed(content: Sequence[Any], secret: str, purpose: str, whose: str) -> str:
    """Return content as ASCII text with our signature, which counts for this purpose and for whom it was made only."""
    payload = _encode(orjson.dumps(content))
    return f"{payload}.{_signature(secret, purpose, whose, payload)}"


def read_signed(text: str, secret: str, purpose: str, whose: str) -> Any:
    """Return the content of such a text; None for one that was not signed here, for this purpose and for them."""
    payload, _, signature = text[:_LONGEST].partition(".")
    if not text.isascii() or not hmac.compare_digest(signature, _signature(secret, purpose, whose, payload)):
        return None
    try:
        return orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return None


@lru_cache(maxsize=_REMEMBERED)
def _signature(secret: str, purpose: str, whose: str, payload: str) -> str:
    return sign(secret, purpose, f"{whose}\0{payload}")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
