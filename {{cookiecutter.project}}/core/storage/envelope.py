"""The envelope of a stored value: a text that shows whether it is what was written, encrypted where that is on.

    <schema version>:<checksum>:<body>

The checksum (CRC-32, eight hex digits) covers all other columns too, so a record that was damaged, cut short or
moved to another session is noticed. The body is the encoded value, nothing for a removed path, or `*` and a
Fernet token where encryption is on.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.errors import CorruptValueError, NotKeptError, UnreadableValueError
from core.storage.entry import Entry

Upgrade = Callable[[str, Any], Any]
"""Turns the path and the JSON of a value of one schema version into the JSON of the next."""

UPGRADES: Mapping[int, Upgrade] = {}
"""By the version they start from. Whoever changes the form of stored values adds one here, and never removes one."""

_ENCRYPTED = "*"


class Envelope:
    """Puts values into envelopes (`seal`) on their way into journal and database, and takes them out again (`open`).

    `keys` are Fernet keys: the first one encrypts, all decrypt; without any, values are not encrypted, and
    plain values stay readable when keys are added later. Raises ValueError for a key that is none.
    """

    def __init__(self, keys: Sequence[str] = (), *, upgrades: Mapping[int, Upgrade] = UPGRADES) -> None:
        self.version = len(upgrades) + 1
        if sorted(upgrades) != list(range(1, self.version)):
            raise ValueError(f"upgrades must start from each version from 1 on, not from {sorted(upgrades)}")
        self._upgrades = upgrades
        fernets = [Fernet(key) for key in keys]
        self._first = fernets[0] if fernets else None
        self._all = MultiFernet(fernets) if fernets else None

    @property
    def encrypts(self) -> bool:
        """True where values are encrypted."""
        return self._first is not None

    def seal(self, entry: Entry) -> Entry:
        """Return the entry, its encoded value (or None) sealed. Raises NotKeptError for a path that can't be stored."""
        try:
            identity = _identity(entry)
        except UnicodeEncodeError as error:
            reason = "the name has half of a surrogate pair"
            raise NotKeptError(entry.path, reason, "Remove that character from the name.") from error
        if b"\0" in identity:
            raise NotKeptError(entry.path, "the name has a NUL character", "Remove that character from the name.")
        body = entry.value or ""
        if body and self._first is not None:
            # With the identity inside, a token is worthless in any other row, whoever put it there.
            body = _ENCRYPTED + self._first.encrypt(identity + body.encode()).decode()
        value = f"{self.version}:{_checksum(self.version, identity, body)}:{body}"
        return Entry(session_id=entry.session_id, path=entry.path, value=value, stamp=entry.stamp, base=entry.base)

    def open(self, entry: Entry) -> Entry:
        """Undo `seal`.

        Raises CorruptValueError when anything in the entry is not as it was sealed, UnreadableValueError when
        it is intact, but from a newer version or encrypted with another key.
        """
        version, body, identity = self._verified(entry)
        if version > self.version:
            raise UnreadableValueError(
                f"{entry.path}: written by a newer version of this project (data version {version}, "
                f"known up to {self.version}). It is left as it is; update the project to read it."
            )
        if body.startswith(_ENCRYPTED):
            body = self._decrypted(entry, body, identity)
        if body and version < self.version:
            body = self._upgraded(entry.path, body, version)
        return replace(entry, value=body or None)

    def renew(self, entry: Entry) -> Entry:
        """Return the sealed entry as `seal` would write it now; itself if it is so already. Raises as `open` does."""
        return entry if self.is_current(entry) else self.seal(self.open(entry))

    def is_current(self, entry: Entry) -> bool:
        """Return whether the sealed entry has this version and, with encryption on, is under the first key."""
        version, body, _ = self._verified(entry)
        if version != self.version:
            return False
        if not body or self._first is None:
            return not body.startswith(_ENCRYPTED)
        try:
            self._first.decrypt(body.removeprefix(_ENCRYPTED))
        except InvalidToken:
            return False
        return body.startswith(_ENCRYPTED)

    def _verified(self, entry: Entry) -> tuple[int, str, bytes]:
        """Return the version, the body and the identity, once the checksum was found right."""
        try:
            version, checksum, body = (entry.value or "").split(":", 2)
            identity = _identity(entry)
            if checksum == _checksum(version, identity, body):
                return int(version), body, identity
        except (ValueError, TypeError, AttributeError):
            # Not even a text of three parts, or a column that is no text: SQLite gives back whatever bytes it finds.
            pass
        raise CorruptValueError(f"{entry.path}: the record is damaged (its checksum is wrong)")

    def _decrypted(self, entry: Entry, body: str, identity: bytes) -> str:
        if self._all is None:
            raise UnreadableValueError(f"{entry.path}: encrypted, but SESSION_ENCRYPTION_KEYS is empty. Set its key.")
        try:
            plain = self._all.decrypt(body.removeprefix(_ENCRYPTED))
        except InvalidToken as error:
            raise UnreadableValueError(
                f"{entry.path}: encrypted with a key that is not in SESSION_ENCRYPTION_KEYS. Add that key."
            ) from error
        if not plain.startswith(identity):
            raise CorruptValueError(f"{entry.path}: encrypted for another record than the one it is in")
        return plain[len(identity) :].decode()

    def _upgraded(self, path: str, body: str, version: int) -> str:
        try:
            data = orjson.loads(body)
            for number in range(version, self.version):
                data = self._upgrades[number](path, data)
            return orjson.dumps(data).decode()
        except Exception as error:
            raise UnreadableValueError(
                f"{path}: can't be brought from data version {version} to {self.version} "
                f"({type(error).__name__}: {error}). It is left as it is; mend the upgrade function."
            ) from error


def removes(sealed: str | None) -> bool:
    """Return whether a sealed value is that of a removed path: its body is empty."""
    return sealed is not None and sealed.endswith(":")


def _identity(entry: Entry) -> bytes:
    """Return the other columns, with their lengths so that no character can change sides."""
    columns = (entry.session_id, entry.path, entry.stamp, entry.base)
    return f"{' '.join(str(len(column)) for column in columns)} {''.join(columns)}".encode()


def _checksum(version: int | str, identity: bytes, body: str) -> str:
    return f"{zlib.crc32(body.encode(), zlib.crc32(identity, zlib.crc32(f'{version}:'.encode()))):08x}"
