"""Texts that are signed and stored nowhere, such as tickets and reset links: what they say, and when they end."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def sign_text(secret: bytes, purpose: str, facts: Sequence[object], ends: datetime) -> str:
    """Return a text that says these facts, none of which has a dot, until then and for this purpose only."""
    content = ".".join([*map(str, facts), str((ends - _EPOCH) // _MILLISECOND)])
    return f"{content}.{_signature(secret, purpose, content)}"


def read_text(secret: bytes, purpose: str, text: str, now: datetime) -> list[str] | None:
    """Return the facts that such a text says; None for one that was not signed for this purpose, or is over."""
    content, _, signature = text.rpartition(".")
    expected = _signature(secret, purpose, content).encode()
    if not hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), expected):
        return None
    *facts, ends = content.split(".")
    return facts if now < _EPOCH + int(ends) * _MILLISECOND else None


def _signature(secret: bytes, purpose: str, content: str) -> str:
    return hmac.digest(secret, f"{purpose}:{content}".encode("utf-8", "surrogatepass"), hashlib.sha256).hex()
