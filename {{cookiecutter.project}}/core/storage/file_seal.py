"""How a file's bytes are written: as they are, or encrypted in pieces, so that no file has to fit into memory twice.

| begins with | then |
|---|---|
| `KEEP0\\n` | the bytes |
| `KEEP1\\n` | 8 bytes that name the key, 16 of salt, and pieces of 1 MiB, each AES-256-GCM |

Each file has a key of its own, made of the secret and the salt. A piece's nonce is its number and whether it is the
last one, so pieces can't be left out, repeated or moved.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import CorruptValueError, UnreadableValueError

PIECE = 1024 * 1024
_PLAIN, _SEALED = b"KEEP0\n", b"KEEP1\n"
_TAG, _SALT, _NAME = 16, 16, 8


class FileSeal:
    """`keys` as for `Seal`: the first one encrypts, all decrypt; without any, files are written as they are."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = {_name(key): key.encode() for key in keys}
        self._first = _name(keys[0]) if keys else None

    def seal(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Turn a file's pieces, of any size, into what is stored."""
        if self._first is None:
            yield _PLAIN
            yield from pieces
            return
        salt = secrets.token_bytes(_SALT)
        cipher = _cipher(self._keys[self._first], salt)
        yield _SEALED + self._first + salt
        number, waiting = 0, b""
        for piece in _cut(pieces):
            if waiting:
                yield cipher.encrypt(_nonce(number, last=False), waiting, None)
                number += 1
            waiting = piece
        yield cipher.encrypt(_nonce(number, last=True), waiting, None)

    def open(self, stored: BinaryIO) -> Iterator[bytes]:
        """Turn what is stored into the file's pieces.

        Raises CorruptValueError for what `seal` didn't write, UnreadableValueError when its key is missing.
        """
        head = stored.read(len(_PLAIN))
        if head == _PLAIN:
            while piece := stored.read(PIECE):
                yield piece
            return
        if head != _SEALED:
            raise CorruptValueError("The file is damaged: it doesn't begin as it was written.")
        name, salt = stored.read(_NAME), stored.read(_SALT)
        if name not in self._keys:
            raise UnreadableValueError("The file is encrypted with a key that is not in SESSION_ENCRYPTION_KEYS.")
        cipher, number = _cipher(self._keys[name], salt), 0
        piece = stored.read(PIECE + _TAG)
        try:
            while True:
                following = stored.read(PIECE + _TAG)
                yield cipher.decrypt(_nonce(number, last=not following), piece, None)
                if not following:
                    return
                number, piece = number + 1, following
        except InvalidTag as error:
            raise CorruptValueError("The file is damaged: a piece of it is not what was written.") from error


def _cut(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of exactly one size, the last one smaller."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= PIECE:
            yield bytes(waiting[:PIECE])
            del waiting[:PIECE]
    if waiting:
        yield bytes(waiting)


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"keep file").derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _name(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:_NAME]
