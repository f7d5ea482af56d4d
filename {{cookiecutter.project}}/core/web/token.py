"""The browser's token: 256 random bits and our signature, so that a forged one costs no query."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from core.signing import base64url, sign

_RANDOM_BYTES = 32
_PART = 43
"""Length of 32 bytes in unpadded base64url."""


def new_token(secret: str) -> str:
    """Return a fresh token, 87 ASCII characters: the random part, a dot, its signature."""
    random = base64url(secrets.token_bytes(_RANDOM_BYTES))
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
