"""People at work: random edits, removals, saves, snapshots and reads of some sessions, each of them recorded."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from core.state.paths import join_path
from tests.lab.chance import chance
from tests.lab.nursery import Channel, Victim, VictimGoneError
from tests.lab.records import Recorder, Writes, joined, value_of

FORMS, FIELDS = ("order", "a/b c"), ("name", "amount", "note", "é|&")
_HOW_OFTEN = {"edit": 60, "remove": 10, "save": 10, "snapshot": 6, "read": 10, "flush": 1, "purge": 1}
_MOST_SNAPSHOTS = 40
"""Per form: beyond fifty, the form itself would drop the oldest."""


class UnexpectedError(Exception):
    """The engine answered with an error that is no refusal: a fault of its own."""


class Client:
    """Asks a victim through one channel, and has everything recorded."""

    def __init__(self, recorder: Recorder, channel: Channel) -> None:
        self._recorder, self._channel = recorder, channel
        self.refusals: list[str] = []
        """What was refused and why, in order: `edit: JournalError: ...`."""
        self.accepted = Counter[str]()
        """By command, how often it was done."""
        self.slowest: dict[str, float] = {}
        """By command, the longest that an answer took, in seconds."""

    def edit(self, session: str, form: str, field: str) -> bool:
        path = join_path("form", form, "field", field)
        record = self._recorder.invoke("edit", session, lambda number: {path: value_of(session, path, number)})
        command = {"session": session, "form": form, "field": field, "value": record.writes[path]}
        return self._finish(record.number, "edit", command)

    def remove(self, session: str, form: str, field: str) -> bool:
        path = join_path("form", form, "field", field)
        record = self._recorder.invoke("remove", session, lambda _: {path: None})
        return self._finish(record.number, "remove", {"session": session, "path": path})

    def save(self, session: str, form: str, fields: Sequence[str] = FIELDS) -> bool:
        paths = {join_path("form", form, "field", field): field for field in fields}
        saved = join_path("form", form, "saved")

        def writes(number: int) -> Writes:
            values = {path: value_of(session, path, number) for path in paths}
            return {**values, saved: joined(values.values())}

        record = self._recorder.invoke("save", session, writes)
        values = {field: record.writes[path] for path, field in paths.items()}
        return self._finish(record.number, "save", {"session": session, "form": form, "values": values})

    def snapshot(self, session: str, form: str) -> bool:
        def writes(number: int) -> Writes:
            path = join_path("form", form, "snapshot", str(number))
            return {path: value_of(session, path, number)}

        record = self._recorder.invoke("snapshot", session, writes)
        (description,) = record.writes.values()
        return self._finish(record.number, "snapshot", {"session": session, "form": form, "description": description})

    def purge(self, session: str) -> bool:
        record = self._recorder.invoke("purge", session)
        return self._finish(record.number, "purge", {"session": session})

    def flush(self) -> bool:
        return self.do("flush")

    def do(self, what: str, **arguments: Any) -> bool:
        """Something that concerns all sessions, such as `close`."""
        return self._finish(self._recorder.invoke(what).number, what, arguments)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Ask without recording: for what changes no value."""
        began = time.monotonic()
        answer = self._channel.ask(do, **arguments)
        self.slowest[do] = max(time.monotonic() - began, self.slowest.get(do, 0.0))
        return answer

    def _finish(self, number: int, do: str, arguments: dict[str, Any]) -> bool:
        """Send the command and record the answer. True if it was done, False if it was refused with a reason."""
        answer = self.ask(do, **arguments)
        if answer["ok"]:
            self._recorder.acknowledge(number)
            self.accepted[do] += 1
            return True
        reason = f"{do}: {answer['error']}: {answer['says']}"
        self._recorder.refuse(number, reason)
        if not answer["refused"]:
            raise UnexpectedError(reason)
        self.refusals.append(reason)
        return False


class Load:
    """Keeps sessions busy: one thread for each channel of a victim, all of them in all sessions."""

    def __init__(self, recorder: Recorder, *, sessions: int = 20, purges: bool = True) -> None:
        self._recorder = recorder
        self._lock = threading.Lock()
        self._begun = 0
        self._snapshots: dict[tuple[str, str], int] = {}
        self._deleted: list[str] = []
        self._purges = purges
        self.sessions = [self._new_session() for _ in range(sessions)]
        self.refusals: list[str] = []
        self.accepted = Counter[str]()
        self.slowest: dict[str, float] = {}

    @contextlib.contextmanager
    def on(self, victim: Victim, *, operations: int | None = None, pause: float = 0.0) -> Iterator[None]:
        """Work on a victim during the block: until it dies, the block ends, or each thread did so many operations.

        With `operations`, the end of the block waits for them. `pause` is in seconds, after each operation.
        Raises what went wrong in a thread.
        """
        stop, errors = threading.Event(), list[Exception]()
        threads = [
            threading.Thread(target=self._work, args=(channel, stop, operations, pause, errors))
            for channel in victim.channels
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            if operations is None:
                stop.set()
            for thread in threads:
                thread.join()
            if errors:
                raise errors[0]

    def step(self, client: Client) -> None:
        """Do one thing, at random, in one of the sessions."""
        session, form, field = chance().choice(self.sessions), chance().choice(FORMS), chance().choice(FIELDS)
        match chance().choices(tuple(_HOW_OFTEN), tuple(_HOW_OFTEN.values())):
            case ["edit"]:
                client.edit(session, form, field)
            case ["remove"]:
                client.remove(session, form, field)
            case ["save"]:
                client.save(session, form)
            case ["snapshot"] if self._may_snapshot(session, form):
                client.snapshot(session, form)
            case ["read"]:
                client.ask("read", session=session)
            case ["flush"]:
                client.flush()
            case ["purge"] if self._purges:
                self._delete(client, session)

    def _work(
        self, channel: Channel, stop: threading.Event, operations: int | None, pause: float, errors: list[Exception]
    ) -> None:
        client, done = Client(self._recorder, channel), 0
        try:
            while not stop.is_set() and (operations is None or done < operations):
                self.step(client)
                done += 1
                if pause:
                    stop.wait(pause)
        except VictimGoneError:
            pass
        except Exception as error:  # noqa: BLE001 - handed on to the thread that started this one
            errors.append(error)
        with self._lock:
            self.refusals += client.refusals
            self.accepted += client.accepted
            for do, seconds in client.slowest.items():
                self.slowest[do] = max(seconds, self.slowest.get(do, 0.0))

    def _delete(self, client: Client, session: str) -> None:
        """Delete a session, begin another in its place, and write once more into a deleted one, as a late tab does."""
        with self._lock:
            if session not in self.sessions:
                return
            self.sessions[self.sessions.index(session)] = self._new_session()
        if client.purge(session):
            self._deleted.append(session)
        if self._deleted:
            client.edit(chance().choice(self._deleted), FORMS[0], FIELDS[0])

    def _new_session(self) -> str:
        self._begun += 1
        return f"person-{self._begun}"

    def _may_snapshot(self, session: str, form: str) -> bool:
        with self._lock:
            taken = self._snapshots[session, form] = self._snapshots.get((session, form), 0) + 1
            return taken <= _MOST_SNAPSHOTS
