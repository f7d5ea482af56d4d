"""The store in memory: for tests of what stands on a store. It forgets everything when the process ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.clock import Clock, SystemClock, stamp_time
from core.paths import CREATED_PATH, USER_PATH
from core.storage.codec import decode
from core.storage.entry import Entry, newest
from core.storage.store import Loaded, SessionHeader


@dataclass(slots=True)
class _Stored:
    created_at: datetime
    updated_at: datetime
    last_activity: datetime
    user_id: str | None = None
    version: int = 0
    purged: bool = False
    entries: dict[str, tuple[int, Entry]] = field(default_factory=dict)


class MemoryStore:
    """The same laws as the SQL store, in a dict."""

    def __init__(self, *, session_timeout: float, retention: float, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._session_timeout = timedelta(seconds=session_timeout)
        self._retention = timedelta(seconds=retention)
        self._sessions: dict[str, _Stored] = {}
        self._lock = threading.RLock()

    def load(self, session_id: str, after_version: int = 0) -> Loaded:
        with self._lock:
            stored = self._sessions.get(session_id)
            if stored is None or stored.purged:
                return Loaded(version=0, entries=(), purged=stored is not None)
            entries = [entry for version, entry in stored.entries.values() if version > after_version]
            return Loaded(version=stored.version, entries=entries)

    def upsert(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            touched: set[str] = set()
            for entry in newest(entries).values():
                now = self._clock.now()
                at = min(stamp_time(entry.stamp), now)
                stored = self._sessions.setdefault(
                    entry.session_id, _Stored(created_at=at, updated_at=now, last_activity=at)
                )
                if stored.purged:
                    continue
                if entry.session_id not in touched:
                    touched.add(entry.session_id)
                    stored.version += 1
                stored.updated_at, stored.last_activity = now, max(stored.last_activity, at)
                known = stored.entries.get(entry.path)
                if known is None or entry.stamp > known[1].stamp:
                    stored.entries[entry.path] = (stored.version, entry)
                if entry.value is not None and entry.path == USER_PATH:
                    stored.user_id = decode(entry.value, entry.path)
                if entry.value is not None and entry.path == CREATED_PATH:
                    stored.created_at = decode(entry.value, entry.path)

    def purge(self, session_id: str) -> None:
        with self._lock:
            now = self._clock.now()
            self._sessions[session_id] = _Stored(created_at=now, updated_at=now, last_activity=now, purged=True)

    def expired(self, limit: int) -> list[str]:
        now = self._clock.now()
        return [header.session_id for header in self.headers(limit=self.count()) if header.expires_at < now][:limit]

    def headers(self, limit: int, offset: int = 0) -> list[SessionHeader]:
        with self._lock:
            live = [self._header(session_id, s) for session_id, s in self._sessions.items() if not s.purged]
        live.sort(key=lambda header: (-header.last_activity.timestamp(), header.session_id))
        return live[offset : offset + limit]

    def count(self) -> int:
        with self._lock:
            return sum(not stored.purged for stored in self._sessions.values())

    def find(self, prefix: str) -> Iterator[Entry]:
        with self._lock:
            live = [stored for stored in self._sessions.values() if not stored.purged]
            found = [entry for s in live for path, (_, entry) in s.entries.items() if path.startswith(prefix)]
        yield from found

    def close(self) -> None:
        """Nothing to close."""

    def _header(self, session_id: str, stored: _Stored) -> SessionHeader:
        lifetime = self._retention if stored.user_id else self._session_timeout
        return SessionHeader(
            session_id=session_id,
            user_id=stored.user_id,
            created_at=stored.created_at,
            updated_at=stored.updated_at,
            last_activity=stored.last_activity,
            expires_at=stored.last_activity + lifetime,
            version=stored.version,
        )
