"""A gate between the browser and the server: shut, nobody gets through, as on a train in a tunnel."""

from __future__ import annotations

import asyncio
import contextlib

from tests.support.server import free_port


class Gate:
    """Passes connections on to a port of this machine while it is open."""

    def __init__(self, port: int) -> None:
        self.port = free_port()
        self._to = port
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Cut all connections, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for end in list(self._ends):
            end.transport.abort()

    async def _pass_on(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        ends = [to_client]
        self._ends.add(to_client)
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
            ends.append(to_server)
            self._ends.add(to_server)
            await asyncio.gather(self._pump(client, to_server), self._pump(server, to_client))
        except (OSError, asyncio.CancelledError):
            return  # one side hung up, or the gate was shut
        finally:
            for end in ends:
                self._ends.discard(end)
                end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
        with contextlib.suppress(OSError):
            sink.write_eof()
