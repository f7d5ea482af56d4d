"""Passwords at rest: bcrypt over a keyed digest.

bcrypt reads 72 bytes and no more, so a long passphrase would be cut or refused. Each password is therefore
first digested to 44 ASCII characters, and that digest is what bcrypt, and whoever checks a password, gets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata

import bcrypt

from core.errors import AccountError

MINIMUM_LENGTH, MAXIMUM_LENGTH = 12, 128
DEFAULT_ROUNDS = 12
"""bcrypt's work factor: about 0.2 s a check on a small server."""

# A key of its own, so that digests leaked from elsewhere can't be tried against our hashes.
_DIGEST_KEY = b"streamlit-keep password 1"


def digest(password: str) -> str:
    """Return the 44 characters that stand for a password. The same text typed on any keyboard gives the same."""
    text = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(_DIGEST_KEY, text, hashlib.sha256)).decode("ascii")


def hash_password(password: str, *, rounds: int = DEFAULT_ROUNDS) -> str:
    """Return the bcrypt hash to store.

    Raises AccountError when the password is shorter than 12 or longer than 128 characters.
    """
    if len(password) < MINIMUM_LENGTH:
        raise AccountError(f"Use at least {MINIMUM_LENGTH} characters. A few unrelated words make a good password.")
    if len(password) > MAXIMUM_LENGTH:
        raise AccountError(f"Use at most {MAXIMUM_LENGTH} characters.")
    return bcrypt.hashpw(digest(password).encode("ascii"), bcrypt.gensalt(rounds)).decode("ascii")


def verify_password(password: str, password_hash: str) -> bool:
    """Whether `password` is the one behind `password_hash`."""
    return bcrypt.checkpw(digest(password).encode("ascii"), password_hash.encode("ascii"))
