"""The store in memory: for tests of what stands on a store. It forgets everything when the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.clock import Clock, SteadyClock, SystemClock
from core.storage.entry import Entry, Quarantined, newest
from core.storage.expiring import GRACE
from core.storage.header import HeaderFacts
from core.storage.merging import moved_into
from core.storage.sealing import Seal
from core.storage.store import Loaded, SessionHeader


@dataclass(slots=True)
class _Stored:
    created_at: datetime
    updated_at: datetime
    last_activity: datetime
    flushed_at: datetime
    user_id: str | None = None
    owner_unknown: bool = False
    version: int = 0
    purged_at: datetime | None = None
    merged_into: str | None = None
    entries: dict[str, tuple[int, Entry]] = field(default_factory=dict)


class MemoryStore:
    """The same laws as the SQL store, in a dict.

    It knows no browsers: `in_use` tells whether one may still use a session.
    """

    def __init__(
        self,
        *,
        session_timeout: float,
        retention: float,
        clock: Clock | None = None,
        seal: Seal | None = None,
        in_use: Callable[[str], bool] = lambda _session_id: False,
    ) -> None:
        self._in_use = in_use
        self._seal = seal or Seal()
        self._aside: dict[tuple[str, str, str], Quarantined] = {}
        self._clock = clock or SystemClock()
        self._steady = SteadyClock(self._clock)
        self._session_timeout = timedelta(seconds=session_timeout)
        self._retention = timedelta(seconds=retention)
        self._sessions: dict[str, _Stored] = {}
        self._lock = threading.RLock()

    def load(self, session_id: str, after_version: int = 0) -> Loaded:
        with self._lock:
            stored = self._sessions.get(session_id)
            if stored is None or stored.purged_at:
                return Loaded(version=0, entries=(), purged=stored is not None)
            entries = [entry for version, entry in stored.entries.values() if version > after_version]
            return Loaded(version=stored.version, entries=entries)

    def read(self, session_id: str, paths: Collection[str]) -> list[Entry]:
        return [entry for entry in self.load(session_id).entries if entry.path in paths]

    def upsert(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            now = self._clock.now()
            flushed: dict[str, HeaderFacts] = {}
            merged = newest(entries).values()
            for entry in merged:
                flushed.setdefault(entry.session_id, HeaderFacts()).note(entry, self._seal, now)
            for session_id, facts in flushed.items():
                self._touch(session_id, facts, now)
            for entry in merged:
                stored = self._sessions[entry.session_id]
                known = stored.entries.get(entry.path)
                if not stored.purged_at and (known is None or entry.stamp > known[1].stamp):
                    stored.entries[entry.path] = (stored.version, entry)
            for target_id in {self._sessions[entry.session_id].merged_into for entry in merged} - {None}:
                late = [entry for entry in merged if self._sessions[entry.session_id].merged_into == target_id]
                self.upsert(moved_into(str(target_id), late, self._seal)[0])

    def merge(self, source_id: str, target_id: str) -> None:
        with self._lock:
            loaded = self.load(source_id)
            if loaded.purged:
                return
            moved, unreadable = moved_into(target_id, loaded.entries, self._seal)
            self.upsert(moved)
            if not unreadable:
                self.purge(source_id)
                self._sessions[source_id].merged_into = target_id

    def purge(self, session_id: str) -> None:
        with self._lock:
            now = self._steady.latest()
            self._sessions[session_id] = _Stored(
                created_at=now, updated_at=now, last_activity=now, flushed_at=now, purged_at=now
            )
            self._aside = {key: aside for key, aside in self._aside.items() if key[0] != session_id}

    def expired(self, limit: int) -> list[str]:
        with self._lock:
            return [session_id for session_id in self._sessions if self._over(session_id)][:limit]

    def purge_expired(self, session_ids: Sequence[str]) -> int:
        with self._lock:
            over = [session_id for session_id in session_ids if self._over(session_id)]
            for session_id in over:
                self.purge(session_id)
        return len(over)

    def forget_purged(self, limit: int) -> int:
        last = self._steady.now() - self._retention
        with self._lock:
            over = [key for key, stored in self._sessions.items() if stored.purged_at and stored.purged_at < last]
            for session_id in over[:limit]:
                del self._sessions[session_id]
        return len(over[:limit])

    def headers(self, limit: int, offset: int = 0) -> list[SessionHeader]:
        with self._lock:
            live = [self._header(session_id, s) for session_id, s in self._sessions.items() if not s.purged_at]
        live.sort(key=lambda header: (-header.last_activity.timestamp(), header.session_id))
        return live[offset : offset + limit]

    def count(self) -> int:
        with self._lock:
            return sum(not stored.purged_at for stored in self._sessions.values())

    def find(self, prefix: str) -> Iterator[Entry]:
        with self._lock:
            live = [stored for stored in self._sessions.values() if not stored.purged_at]
            found = [entry for s in live for path, (_, entry) in s.entries.items() if path.startswith(prefix)]
        yield from found

    def quarantine(self, entry: Entry, reason: str) -> None:
        with self._lock:
            stored = self._sessions.get(entry.session_id)
            known = stored.entries.get(entry.path) if stored else None
            if stored is not None and known is not None and known[1].stamp == entry.stamp:
                del stored.entries[entry.path]
                aside = Quarantined(entry=entry, reason=reason, at=self._clock.now())
                self._aside[entry.session_id, entry.path, entry.stamp] = aside

    def quarantined(self) -> list[Quarantined]:
        with self._lock:
            return [aside for _, aside in sorted(self._aside.items())]

    def forget(self, quarantined: Quarantined) -> None:
        entry = quarantined.entry
        with self._lock:
            self._aside.pop((entry.session_id, entry.path, entry.stamp), None)

    def rewrite(self, reseal: Callable[[Entry], Entry]) -> int:
        changed = 0
        for entry in list(self.find("")):
            new = reseal(entry)
            with self._lock:
                stored = self._sessions[entry.session_id]
                known = stored.entries.get(entry.path)
                if new is not entry and known is not None and known[1] == entry:
                    stored.entries[entry.path] = (known[0], replace(entry, value=new.value))
                    changed += 1
        return changed

    def close(self) -> None:
        """Nothing to close."""

    def _over(self, session_id: str) -> bool:
        stored = self._sessions.get(session_id)
        if stored is None or stored.purged_at or self._in_use(session_id):
            return False
        return self._header(session_id, stored).expires_at < self._steady.now() - GRACE

    def _touch(self, session_id: str, facts: HeaderFacts, now: datetime) -> None:
        at, flushed_at = facts.last_activity or now, self._steady.latest()
        stored = self._sessions.setdefault(
            session_id,
            _Stored(created_at=facts.created_at or at, updated_at=now, last_activity=at, flushed_at=flushed_at),
        )
        if not stored.purged_at:
            stored.version += 1
            stored.updated_at, stored.last_activity = now, max(stored.last_activity, at)
            stored.flushed_at = max(stored.flushed_at, flushed_at)
            stored.user_id = facts.user_id or stored.user_id
            stored.owner_unknown = stored.owner_unknown or facts.owner_unknown

    def _header(self, session_id: str, stored: _Stored) -> SessionHeader:
        lifetime = self._retention if stored.user_id or stored.owner_unknown else self._session_timeout
        return SessionHeader(
            session_id=session_id,
            user_id=stored.user_id,
            created_at=stored.created_at,
            updated_at=stored.updated_at,
            last_activity=stored.last_activity,
            expires_at=stored.flushed_at + lifetime,
            version=stored.version,
        )
