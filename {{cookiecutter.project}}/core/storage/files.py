"""The files that people upload: their bytes once each, for as long as anything refers to them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast

import structlog
from sqlalchemy import ColumnElement, Connection, Engine, Table, bindparam, delete, select

from core.clock import Clock, SteadyClock
from core.errors import CorruptValueError, FilesUnavailableError, KeepError, StoreUnavailableError
from core.files import FileRef
from core.storage.database import reachable, read_from, upserting_insert
from core.storage.file_store import FileStore
from core.storage.models import FileClaimModel, FileModel

GRACE = timedelta(days=7)
"""The time that nothing must have referred to a file before it is removed. Longer than a machine with edits in its
journal is cut off from the database, and than anybody goes on in a page that was left open."""

_files, _claims = cast(Table, FileModel.__table__), cast(Table, FileClaimModel.__table__)
_DIGESTS = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
PIECE = 1024 * 1024
"""Bytes that are read at once, so that no file has to fit into memory."""
_SLACK = timedelta(minutes=1)
"""The time that the file store's clock may be ahead of the session's."""
_EVERY_SECONDS = 6 * 3600.0

log = structlog.get_logger(__name__)


class Files:
    """The files of a project, in a file store, and in the database what is known of their use."""

    def __init__(self, store: FileStore, database: Engine, clock: Clock) -> None:
        self.store = store
        self._database = database
        self._steady = SteadyClock(clock)
        self._due: float | None = None
        marked: Any = upserting_insert(database)(_files).values(
            digest=bindparam("digest"), unused_since=bindparam("unused_since")
        )
        self._upsert = marked.on_conflict_do_update(
            index_elements=["digest"], set_={"unused_since": marked.excluded.unused_since}
        )

    def place_id(self) -> str:
        """Return what tells this place of files from others. Raises FilesUnavailableError."""
        return self.store.place_id()

    def keep(self, content: BinaryIO) -> tuple[str, int]:
        """Store the rest of a stream durably. Returns its digest (SHA-256, hex) and its size.

        The stream is read in pieces. Raises FilesUnavailableError, and nothing of it is stored.
        """
        digest, size = hashlib.sha256(), 0

        def pieces() -> Iterator[bytes]:
            nonlocal size
            while piece := content.read(PIECE):
                digest.update(piece)
                size += len(piece)
                yield piece

        temporary = self.store.write(pieces())
        name = digest.hexdigest()
        try:
            # First the row, then the file: whoever collects deletes in the opposite order, holding the row.
            self._mark([name], None)
        except StoreUnavailableError as error:
            # Nobody can collect without the database either, and looks at the file's own time as well.
            log.warning("a file is kept while the database is away", error=str(error))
        self.store.publish(temporary, name)
        return name, size

    def pieces(self, digest: str) -> Iterator[bytes]:
        """Read a file piece by piece.

        Raises FilesUnavailableError when it isn't there or can't be read, CorruptValueError at the end when it is not
        what was kept.
        """
        found = hashlib.sha256()
        try:
            with self.store.open(digest) as stored:
                while piece := stored.read(PIECE):
                    found.update(piece)
                    yield piece
        except FileNotFoundError as error:
            raise FilesUnavailableError("The file is not where files are kept. Restore it from the backup.") from error
        if found.hexdigest() != digest:
            raise CorruptValueError("The file is damaged: it is not what was kept.")

    def read(self, digest: str) -> bytes:
        """Read a whole file. Raises as `pieces` does."""
        return b"".join(self.pieces(digest))

    def claim(self, connection: Connection, files: Iterable[FileRef], holder: str) -> None:
        """Keep files for a team's own table, in its transaction: they stay until `release` with the same holder."""
        if rows := [{"digest": digest, "holder": holder} for digest in sorted({file.digest for file in files})]:
            connection.execute(upserting_insert(self._database)(_claims).on_conflict_do_nothing(), rows)

    def release(self, connection: Connection, holder: str) -> None:
        """Undo `claim`, when what referred to the files is deleted."""
        connection.execute(delete(_claims).where(_claims.c.holder == holder))

    def erase(self, used: Mapping[str, datetime], texts: Callable[[], Iterable[str]]) -> int:
        """Remove at once, of files that somebody used, those that nothing refers to any more; returns how many.

        `used` tells when they referred to each file last, `texts` is as for `collect`. One that was uploaded again
        after that is left to `collect`: somebody else may be about to refer to it. Raises what `texts` raises.
        """
        now = self._steady.latest()
        latest = {digest: at + _SLACK for digest, at in used.items()}
        chosen = sorted(digest for digest in latest if self._is_older(digest, latest[digest]))
        # Marked before it is looked at what is referred to: what is uploaded from here on has no mark, and stays.
        self._mark(chosen, now)
        referred = self._referred(texts)
        return sum(
            self._remove(digest, _files.c.unused_since == now, latest[digest])
            for digest in chosen
            if digest not in referred
        )

    def collect(self, texts: Callable[[], Iterable[str]]) -> int:
        """Remove the files that nothing has referred to for GRACE; returns how many.

        `texts` gives everything that may refer to a file; each digest in it counts. A file is marked when it is first
        found unused, and removed by a later pass. Raises what `texts` raises: nothing is removed then.
        """
        stored = set(self.store.digests())  # before the texts: what is uploaded from here on is not even looked at
        now, limit = self._steady.latest(), self._steady.now() - GRACE
        referred = self._referred(texts)
        with reachable(), read_from(self._database) as connection:
            known = {row.digest: row.unused_since for row in connection.execute(select(_files))}
        unused = (stored | known.keys()) - referred
        self._mark([digest for digest, since in known.items() if since is not None and digest in referred], None)
        self._mark([digest for digest in unused if known.get(digest) is None], now)
        over = [digest for digest in unused if (since := known.get(digest)) is not None and since < limit]
        removed = sum(self._remove(digest, _files.c.unused_since < limit, limit) for digest in over)
        return removed + self.store.remove_leftovers(limit)

    def collect_when_due(self, texts: Callable[[], Iterable[str]]) -> int:
        """Like `collect`, at most every six hours, because it reads all there is. What goes wrong is logged."""
        now = self._steady.wall.monotonic()
        if self._due is not None and now < self._due:
            return 0
        self._due = now + _EVERY_SECONDS
        try:
            return self.collect(texts)
        except KeepError as error:
            log.warning("files nobody needs stay for now", error=str(error))
            return 0

    def _mark(self, digests: Iterable[str], unused_since: datetime | None) -> None:
        """Note since when files are unused, or that they are needed. Those without a row get one."""
        rows = [{"digest": digest, "unused_since": unused_since} for digest in sorted(digests)]
        if rows:
            with reachable(), self._database.begin() as connection:
                connection.execute(self._upsert, rows)

    def _referred(self, texts: Callable[[], Iterable[str]]) -> set[str]:
        referred = {digest for text in texts() for digest in _DIGESTS.findall(text)}
        with reachable(), read_from(self._database) as connection:
            return referred.union(connection.scalars(select(_claims.c.digest)))

    def _remove(self, digest: str, unused: ColumnElement[bool], until: datetime) -> bool:
        """Remove one file that was written by then, unless it was uploaded again.

        Who does so waits for this row, or has changed it.
        """
        with reachable(), self._database.begin() as connection:
            row = delete(_files).where(_files.c.digest == digest, unused)
            if not connection.execute(row).rowcount or not self._is_older(digest, until):
                return False
            self.store.remove(digest)
        return True

    def _is_older(self, digest: str, until: datetime) -> bool:
        written_at = self.store.written_at(digest)
        return written_at is not None and written_at <= until
