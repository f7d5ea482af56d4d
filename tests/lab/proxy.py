"""A TCP proxy before PostgreSQL. It takes the database away, and knows enough of its protocol to do so at a COMMIT.

After the start-up, messages are one byte of type and four of length in both directions. A COMMIT is a query of that
one word on the way in, and a `CommandComplete` that says COMMIT on the way out.
Source: the chapter "Frontend/Backend Protocol" of PostgreSQL's manual.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.engine import make_url

from tests.lab.waiting import PATIENCE_SECONDS

Moment = Literal["before", "during", "after"]
"""Of a COMMIT: it never reaches the server; it is on its way there; it was done, and the answer is lost."""

Harm = Callable[[int], None]
"""Gets the process id of the server's end of the connection."""

_LENGTH = struct.Struct("!I")
_ENCRYPTION_REQUESTS = (80877103, 80877104)


@dataclass(slots=True)
class _Line:
    """One connection: to the client, to the server, and which of the server's processes serves it."""

    client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    server: asyncio.StreamReader
    to_server: asyncio.StreamWriter
    process: int = 0


class Proxy:
    """Stands before the PostgreSQL at a port of this machine, on a port of its own."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._port = 0
        self._listening: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._harm: tuple[Moment, Harm] | None = None
        self.harmed = threading.Event()
        """Set once a COMMIT was met and harmed, as `harm_next_commit` asked for."""
        self._passes = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.come_back()

    def url(self, direct: str) -> str:
        """The way through here to the database that `direct` is the address of."""
        return make_url(direct).set(host="127.0.0.1", port=self._port).render_as_string(hide_password=False)

    def go_away(self) -> None:
        """Cut all connections and refuse new ones, as when the server is down."""
        self._call(self._go_away())

    def go_silent(self) -> None:
        """Pass nothing on any more, and take everything, as when the network drops what is sent."""
        self._loop.call_soon_threadsafe(self._passes.clear)

    def come_back(self) -> None:
        """Let everything pass, on the same port as before."""
        self._loop.call_soon_threadsafe(self._passes.set)
        self._call(self._come_back())

    def turn_to(self, server_port: int) -> None:
        """Connect whoever comes from now on to the PostgreSQL at another port."""
        self._server_port = server_port

    def harm_next_commit(self, moment: Moment, harm: Harm = lambda _process: None) -> None:
        """At this moment of the next COMMIT, call `harm` (in a thread) and cut that connection."""
        self.harmed.clear()
        self._harm = (moment, harm)

    def close(self) -> None:
        self.go_away()
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=PATIENCE_SECONDS)

    async def _come_back(self) -> None:
        if self._listening is None:
            self._listening = await asyncio.start_server(self._serve, "127.0.0.1", self._port, backlog=512)
            self._port = self._listening.sockets[0].getsockname()[1]

    async def _go_away(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for end in self._open:
            end.transport.abort()
        await asyncio.sleep(0)

    async def _end(self) -> None:
        """Wait for what still serves a connection, so that its end is no surprise to anybody."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        ends = [to_client]
        self._open.add(to_client)
        try:
            greeting = await _greeting(client, to_client)
            await self._passes.wait()
            server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
            ends.append(to_server)
            self._open.add(to_server)
            if self._listening is None:
                return  # it went away while this one was connecting
            to_server.write(greeting)
            line = _Line(client, to_client, server, to_server)
            await _first_to_end(self._forward_requests(line), self._forward_answers(line))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # one side hung up, and so will the other; or the proxy ends, which nobody needs to be told
        finally:
            for end in ends:
                self._open.discard(end)
                end.transport.abort()

    async def _forward_requests(self, line: _Line) -> None:
        while True:
            message = await _message(line.client)
            commits = message[:1] == b"Q" and message[5:].rstrip(b"\0; ").upper() == b"COMMIT"
            if commits and await self._harmed("before", line):
                return
            await self._passes.wait()
            line.to_server.write(message)
            await line.to_server.drain()
            if commits and await self._harmed("during", line):
                return

    async def _forward_answers(self, line: _Line) -> None:
        while True:
            message = await _message(line.server)
            if message[:1] == b"K":
                (line.process,) = _LENGTH.unpack(message[5:9])
            if message[:1] == b"C" and message[5:] == b"COMMIT\0" and await self._harmed("after", line):
                return
            await self._passes.wait()
            line.to_client.write(message)
            await line.to_client.drain()

    async def _harmed(self, moment: Moment, line: _Line) -> bool:
        if self._harm is None or self._harm[0] != moment:
            return False
        (_, harm), self._harm = self._harm, None

        def do_harm() -> None:
            harm(line.process)
            self.harmed.set()

        await asyncio.to_thread(do_harm)  # goes on to its end, even if the server hangs up over it
        return True


async def _greeting(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> bytes:
    """The start-up message, the only one without a type. Encryption, which would hide the rest, is declined."""
    while True:
        length = await client.readexactly(4)
        body = await client.readexactly(_LENGTH.unpack(length)[0] - 4)
        if _LENGTH.unpack(body[:4])[0] not in _ENCRYPTION_REQUESTS:
            return length + body
        to_client.write(b"N")


async def _message(stream: asyncio.StreamReader) -> bytes:
    head = await stream.readexactly(5)
    return head + await stream.readexactly(_LENGTH.unpack(head[1:])[0] - 4)


async def _first_to_end(*ways: Coroutine[None, None, None]) -> None:
    """Until one side hangs up or is cut. That is no error here, whichever way it shows."""
    tasks = [asyncio.create_task(way) for way in ways]
    _, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
