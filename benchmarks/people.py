"""Many open pages, each on a connection of its own, driven by one thread that takes as little time as it can.

It speaks the WebSocket's frames itself: whatever the people take of the machine, the server lacks.
"""

from __future__ import annotations

import base64
import heapq
import os
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

PATIENCE_SECONDS = 300.0
_BINARY, _CLOSE, _PING, _PONG = 2, 8, 9, 10
_RECEIVED_AT_ONCE = 1 << 16


@dataclass(slots=True)
class Person:
    """One open page: the states of its text fields, and how its runs went."""

    connection: socket.socket
    page: str
    asked_at: float
    """The moment that it was opened, or that the last message was sent."""
    is_open: bool = False
    """True once the server has agreed to the connection."""
    received: bytearray = field(default_factory=bytearray)
    states: dict[str, WidgetState] = field(default_factory=dict)
    runs: int = 0
    took: float = 0.0
    """Seconds from the last message to the end of its run."""
    last_field: float = 0.0
    """Seconds from the last message to the last text field."""
    messages: int = 0
    size: int = 0
    """The messages since the last one of this page, and their bytes."""

    def send(self) -> None:
        """Send the states of all fields, as a browser does, and so ask for a run."""
        message = BackMsg()
        message.rerun_script.widget_states.widgets.extend(self.states.values())
        message.rerun_script.page_name = self.page
        self.asked_at, self.messages, self.size = time.perf_counter(), 0, 0
        self._send(_BINARY, message.SerializeToString())

    def enter(self, text: str) -> None:
        """Enter a text into the second field, and leave it."""
        list(self.states.values())[1].string_value = text
        self.send()

    def receive(self) -> bool:
        """Read what has come. Returns True if a run has ended."""
        piece = self.connection.recv(_RECEIVED_AT_ONCE)
        if not piece:
            raise ConnectionError("The server closed a page.")
        self.received += piece
        if not self.is_open:
            head, end, rest = bytes(self.received).partition(b"\r\n\r\n")
            if not end:
                return False
            if b" 101 " not in head:
                raise ConnectionError(f"The server opened no page: {head[:200]!r}")
            self.is_open, self.received = True, bytearray(rest)
            opened_at = self.asked_at
            self.send()
            self.asked_at = opened_at
        before = self.runs
        while (frame := self._frame()) is not None:
            kind, content = frame
            if kind == _PING:
                self._send(_PONG, content)
            elif kind == _CLOSE:
                raise ConnectionError(f"The server closed a page: {content!r}")
            elif kind == _BINARY:
                self._hear(content)
        return self.runs > before

    def _frame(self) -> tuple[int, bytes] | None:
        """Take the next whole frame from what was received."""
        received = self.received
        if len(received) < 2:
            return None
        length, start = received[1] & 127, 2
        if length == 126:
            length, start = int.from_bytes(received[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(received[2:10], "big"), 10
        if len(received) < start + length:
            return None
        frame = received[0] & 15, bytes(received[start : start + length])
        del received[: start + length]
        return frame

    def _hear(self, content: bytes) -> None:
        self.messages, self.size = self.messages + 1, self.size + len(content)
        message = ForwardMsg.FromString(content)
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.new_element.WhichOneof("type") == "text_input":
            widget = message.delta.new_element.text_input
            self.last_field = time.perf_counter() - self.asked_at
            if widget.set_value or widget.id not in self.states:
                text = widget.value if widget.set_value else widget.default
                self.states[widget.id] = WidgetState(id=widget.id, string_value=text)
        elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
            self.runs += 1
            self.took = time.perf_counter() - self.asked_at

    def _send(self, kind: int, content: bytes) -> None:
        length = len(content)
        head = (
            bytes([128 | kind, 128 | length]) if length < 126 else bytes([128 | kind, 254]) + length.to_bytes(2, "big")
        )
        self.connection.sendall(head + bytes(4) + content)  # masked with zeros, which change nothing


class People:
    """The people with a page open on one server. `cookies` are theirs; `page` is its address."""

    def __init__(self, port: int, cookies: Sequence[str], page: str = "") -> None:
        self._port, self._cookies, self._page = port, cookies, page
        self._selector = selectors.DefaultSelector()
        self.all: list[Person] = []

    def open(self, number: int, *, within: float = 0.0) -> list[Person]:
        """Open so many more pages, spread over some seconds. Returns them once all show their fields."""
        first, began = len(self.all), time.perf_counter()
        due = [(began + within * place / number, place) for place in range(number)]
        self._work(due, lambda _place: self._connect(), ends=number)
        return self.all[first:]

    def edit(self, number: int, *, pause: float, edits: int) -> list[float]:
        """Let the first so many enter something every `pause` seconds. Returns how long each run took."""
        took: list[float] = []
        began = time.perf_counter()
        moments = [(began + pause * (turn + who / number), who) for turn in range(edits) for who in range(number)]

        def enter(who: int) -> Person:
            person = self.all[who]
            person.enter(f"{person.runs} {'x' * (person.runs % 37)}")
            return person

        self._work(moments, enter, ends=number * edits, took=took)
        return took

    def close(self) -> None:
        for person in self.all:
            self._selector.unregister(person.connection)
            person.connection.close()
        self.all.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._selector.close()

    def _work(
        self,
        due: Iterable[tuple[float, int]],
        start: Callable[[int], Person],
        *,
        ends: int,
        took: list[float] | None = None,
    ) -> None:
        """Start what is due when it is, until so many runs have ended. Nobody starts anything while theirs goes on."""
        waiting, busy = list(due), set[int]()
        heapq.heapify(waiting)
        by_connection: dict[int, int] = {}
        limit = time.perf_counter() + PATIENCE_SECONDS
        while ends:
            now = time.perf_counter()
            if now > limit:
                raise TimeoutError(f"{ends} runs did not end within {PATIENCE_SECONDS:g} s.")
            if waiting and waiting[0][0] <= now:
                _, who = heapq.heappop(waiting)
                if who in busy:
                    heapq.heappush(waiting, (now + 0.01, who))
                    continue
                person = start(who)
                busy.add(who)
                by_connection[person.connection.fileno()] = who
                continue
            for key, _ in self._selector.select(max(0.0, waiting[0][0] - now) if waiting else 1.0):
                person = key.data
                if person.receive() and (who := by_connection.pop(person.connection.fileno(), -1)) >= 0:
                    busy.discard(who)
                    ends -= 1
                    if took is not None:
                        took.append(person.took)

    def _connect(self) -> Person:
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        cookies = self._cookies
        request = [
            "GET /_stcore/stream HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            f"Origin: http://127.0.0.1:{self._port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Protocol: streamlit",
            "Sec-WebSocket-Version: 13",
            *([f"Cookie: {cookies[len(self.all) % len(cookies)]}"] if cookies else []),
        ]
        person = Person(connection, self._page, asked_at=time.perf_counter())
        connection.sendall("\r\n".join([*request, "", ""]).encode())
        self._selector.register(connection, selectors.EVENT_READ, person)
        self.all.append(person)
        return person
