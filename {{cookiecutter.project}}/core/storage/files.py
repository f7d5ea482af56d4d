"""The files that people upload: their bytes once each, for as long as anything refers to them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast

import structlog
from sqlalchemy import Connection, Engine, Table, bindparam, delete, insert, select, update

from core.clock import Clock, SteadyClock
from core.errors import CorruptValueError, FilesUnavailableError, KeepError, StoreUnavailableError
from core.files import FileRef
from core.storage.database import reachable, upserting_insert
from core.storage.file_store import FileStore
from core.storage.models import FileClaimModel, FileModel

GRACE = timedelta(days=7)
"""The time that nothing must have referred to a file before it is removed. Longer than a machine with edits in its
journal is cut off from the database, and than anybody goes on in a page that was left open."""

_files, _claims = cast(Table, FileModel.__table__), cast(Table, FileClaimModel.__table__)
_DIGESTS = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_GROUP = 500
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
        insertion: Any = upserting_insert(database)(_files).values(digest=bindparam("digest"), unused_since=None)
        self._needed = insertion.on_conflict_do_update(index_elements=["digest"], set_={"unused_since": None})

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
            with reachable(), self._database.begin() as connection:
                connection.execute(self._needed, {"digest": name})
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
        rows = [{"digest": digest, "holder": holder} for digest in sorted({file.digest for file in files})]
        held = set(connection.scalars(select(_claims.c.digest).where(_claims.c.holder == holder)))
        if wanted := [row for row in rows if row["digest"] not in held]:
            connection.execute(insert(_claims), wanted)

    def release(self, connection: Connection, holder: str) -> None:
        """Undo `claim`, when what referred to the files is deleted."""
        connection.execute(delete(_claims).where(_claims.c.holder == holder))

    def erase(self, used: Mapping[str, datetime], texts: Callable[[], Iterable[str]]) -> int:
        """Remove at once, of files that somebody used, those that nothing refers to any more; returns how many.

        `used` tells when they referred to each file last, `texts` is as for `collect`. One that was uploaded again
        after that is left to `collect`: somebody else may be about to refer to it. Raises what `texts` raises.
        """
        now = self._steady.latest()
        marked = upserting_insert(self._database)(_files).values(digest=bindparam("digest"), unused_since=now)
        marked = marked.on_conflict_do_update(index_elements=["digest"], set_={"unused_since": now})
        chosen = [digest for digest, at in used.items() if self._is_of_then(digest, at)]
        if not chosen:
            return 0
        with reachable(), self._database.begin() as connection:
            connection.execute(marked, [{"digest": digest} for digest in sorted(chosen)])
        referred = {digest for text in texts() for digest in _DIGESTS.findall(text)}
        with reachable(), self._database.connect() as connection:
            referred |= set(connection.scalars(select(_claims.c.digest).where(_claims.c.digest.in_(chosen))))
        removed = 0
        for digest in sorted(chosen):
            with reachable(), self._database.begin() as connection:
                still = (_files.c.digest == digest) & (_files.c.unused_since == now)  # not uploaded again meanwhile
                if digest in referred:
                    connection.execute(update(_files).where(still).values(unused_since=None))
                elif connection.execute(delete(_files).where(still)).rowcount:
                    self.store.remove(digest)
                    removed += 1
        return removed

    def _is_of_then(self, digest: str, at: datetime) -> bool:
        written_at = self.store.written_at(digest)
        return written_at is not None and written_at <= at + _SLACK

    def collect(self, texts: Callable[[], Iterable[str]]) -> int:
        """Remove the files that nothing has referred to for GRACE; returns how many.

        `texts` gives everything that may refer to a file; each digest in it counts. A file is marked when it is first
        found unused, and removed by a later pass. Raises what `texts` raises: nothing is removed then.
        """
        stored = set(self.store.digests())  # before the texts: what is uploaded from here on is not even looked at
        now = self._steady.latest()
        referred = {digest for text in texts() for digest in _DIGESTS.findall(text)}
        with reachable(), self._database.begin() as connection:
            referred |= set(connection.scalars(select(_claims.c.digest)))
            known = {row.digest: row.unused_since for row in connection.execute(select(_files))}
            self._mark(connection, [d for d in known if d in referred and known[d] is not None], None)
            self._mark(connection, [d for d in known if d not in referred and known[d] is None], now)
            if unknown := [{"digest": digest, "unused_since": now} for digest in sorted(stored - known.keys())]:
                connection.execute(
                    upserting_insert(self._database)(_files).on_conflict_do_nothing(index_elements=["digest"]), unknown
                )
        limit = self._steady.now() - GRACE
        over = [d for d, since in known.items() if d not in referred and since is not None and since < limit]
        removed = sum(self._remove(digest) for digest in over)
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

    def _mark(self, connection: Connection, digests: list[str], unused_since: object) -> None:
        for start in range(0, len(digests), _GROUP):
            group = _files.c.digest.in_(digests[start : start + _GROUP])
            connection.execute(update(_files).where(group).values(unused_since=unused_since))

    def _remove(self, digest: str) -> bool:
        """Remove one file, unless it was uploaded again: who does so waits for this row, or has changed it."""
        limit = self._steady.now() - GRACE
        with reachable(), self._database.begin() as connection:
            unused = delete(_files).where(_files.c.digest == digest, _files.c.unused_since < limit)
            if not connection.execute(unused).rowcount:
                return False
            written_at = self.store.written_at(digest)
            if written_at is not None and written_at >= limit:
                return False
            self.store.remove(digest)
        return True
