"""Texts with our signature. What is signed is stored nowhere: such as tickets, reset links and the tokens of fields."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

_LONGEST = 4096
"""Characters of signed content. More was not issued here."""
_REMEMBERED = 10_000
"""Signatures that are not made again: each run issues the tokens of all fields it shows."""


def sign(secret: str, purpose: str, text: str) -> str:
    """Return our signature of a text for one purpose, 43 characters of base64url: it counts for no other purpose."""
    content = f"{purpose}:{text}".encode("utf-8", "surrogatepass")
    return base64url(hmac.digest(secret.encode(), content, hashlib.sha256))


def signed(content: Sequence[Any], secret: str, purpose: str, whose: str = "") -> str:
    """Return content as ASCII text with our signature, which counts for this purpose and for whom it was made only."""
    payload = base64url(orjson.dumps(content))
    return f"{payload}.{_signature(secret, purpose, whose, payload)}"


def read_signed(text: str, secret: str, purpose: str, whose: str = "") -> Any:
    """Return the content of such a text; None for one that was not signed here, for this purpose and for them."""
    payload, _, signature = text[:_LONGEST].partition(".")
    if not text.isascii() or not hmac.compare_digest(signature, _signature(secret, purpose, whose, payload)):
        return None
    try:
        return orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return None


def base64url(data: bytes) -> str:
    """Return bytes as ASCII text that needs no escape in an address: base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


@lru_cache(maxsize=_REMEMBERED)
def _signature(secret: str, purpose: str, whose: str, payload: str) -> str:
    return sign(secret, purpose, f"{whose}\0{payload}")
