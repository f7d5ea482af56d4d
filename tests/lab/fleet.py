"""A fleet: replicas on one PostgreSQL behind a balancer, and people who type and go on wherever they are sent."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException

from core.services import build_services
from core.settings import Settings
from core.state.paths import field_path
from core.storage.replicas import Replicas, differences
from core.web.token import anonymous_session_id
from tests.engine.open_page import OpenPage
from tests.lab import sheet
from tests.lab.balancer import Balancer
from tests.lab.checker import Violation, misread
from tests.lab.laboratory import Bench
from tests.lab.server import Server
from tests.lab.waiting import PATIENCE_SECONDS, wait_until

TYPED, COMMITTED = "one", "two"
"""The field that is typed into, which the page posts, and the one that is left, which Streamlit's message has."""
_PAUSE_SECONDS = 0.05
_AWAY = (OSError, HTTPException, WebSocketException, TimeoutError)


class Fleet:
    """Running replicas of the sheet, or of another app, and their balancer.

    `unlike` are settings in which the last one differs from the others.
    """

    def __init__(
        self, bench: Bench, replicas: int, *, sticky: bool = True, app: Path = sheet.APP, **unlike: Any
    ) -> None:
        self._bench, self._app = bench, app
        self._settings = [bench.settings(drain_seconds=2) for _ in range(replicas)]
        self._settings[-1] |= unlike
        self.servers: list[Server] = []
        with ThreadPoolExecutor(replicas) as side_by_side:
            self.servers = list(side_by_side.map(self._start, range(replicas)))
        self.balancer = Balancer([server.port for server in self.servers], bench.folder, sticky=sticky)
        self.secret = str(self._settings[0]["secret_key"])
        wait_until(lambda: status(self.balancer.port, "/keep/ready") == 200, "the balancer answers")

    def __len__(self) -> int:
        return len(self.servers)

    @property
    def ports(self) -> list[int]:
        """Where each replica is without the balancer."""
        return [server.port for server in self.servers]

    def kill(self, number: int) -> None:
        """`kill -9` of a replica."""
        self.servers[number].close()

    def terminate(self, number: int) -> float:
        """SIGTERM, and wait for the end. Returns the seconds it took."""
        began = time.monotonic()
        self.servers[number].terminate(PATIENCE_SECONDS)
        return time.monotonic() - began

    def start(self, number: int) -> None:
        """Start a replica again, at the port it had."""
        self.servers[number] = self._start(number, self.servers[number].port)

    def close(self) -> None:
        self.balancer.close()
        for server in self.servers:
            server.close()

    def _start(self, number: int, port: int | None = None) -> Server:
        log = self._bench.folder / f"replica-{number}.log"
        return Server(self._settings[number], log, app=self._app, port=port)


class Person:
    """Somebody with one page, who types and leaves fields until `stop`, and opens the page anew where it is lost."""

    def __init__(self, fleet: Fleet) -> None:
        self._port = fleet.balancer.port
        self._cookie = _cookie(self._port)
        token = next(part for part in self._cookie.split("; ") if part.startswith("keep_")).partition("=")[2]
        self.session = anonymous_session_id(token, fleet.secret)
        self._tab, self._number = secrets.token_hex(16), 0
        self.acknowledged: dict[str, str] = {}
        """By field: the last text that was said to be kept."""
        self.since: dict[str, list[str]] = {TYPED: [], COMMITTED: []}
        """By field: what was sent after that."""
        self.count = self.refused = 0
        """How often something was said to be kept, and how often not."""
        self.longest = 0.0
        """Seconds that a text, or a page that was lost, took to be acknowledged, at most."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._failed: BaseException | None = None

    def is_at(self, number: int) -> bool:
        """Return whether a sticky balancer has this person at the replica of that number."""
        return f"replica=r{number}" in self._cookie

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way. Raises what went wrong meanwhile."""
        self._over.set()
        self._thread.join(PATIENCE_SECONDS)
        if self._failed is not None:
            raise self._failed

    def _work(self) -> None:
        try:
            while not self._over.is_set():
                with contextlib.suppress(*_AWAY), OpenPage(self._port, self._cookie) as page:
                    self._use(page)
        except BaseException as error:  # noqa: BLE001 - raised again by `stop`
            self._failed = error

    def _use(self, page: OpenPage) -> None:
        tokens = {_field_of(token): token for token in page.field_tokens}
        while not self._over.is_set():
            self._type(tokens[TYPED])
            text = f"{self.count} {secrets.token_hex(4)}"
            self.since[COMMITTED].append(text)
            began = time.monotonic()
            page.fill("Two", text)
            page.run()
            if _says_kept(page):
                self._kept(COMMITTED, text, began)
            else:
                self.refused += 1
            time.sleep(_PAUSE_SECONDS)

    def _type(self, token: str) -> None:
        self._number += 1
        text = f"{self._number} {secrets.token_hex(4)}"
        self.since[TYPED].append(text)
        body = {"tab": self._tab, "number": self._number, "token": token, "text": text}
        began = time.monotonic()
        while self._post(body) != "kept":
            self.refused += 1
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise TimeoutError(f"A text was not kept within {PATIENCE_SECONDS:g} s.")
            time.sleep(_PAUSE_SECONDS)
        self._kept(TYPED, text, began)

    def _post(self, body: dict[str, Any]) -> str:
        try:
            connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
            headers = {"Cookie": self._cookie, "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
            connection.request("POST", "/keep/drafts", json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            return answer.headers.get("Keep-Draft") or "away"
        except _AWAY:
            return "away"

    def _kept(self, field: str, text: str, began: float) -> None:
        self.acknowledged[field], self.since[field] = text, []
        self.count += 1
        self.longest = max(self.longest, time.monotonic() - began)


@contextlib.contextmanager
def at_work(fleet: Fleet, number: int) -> Iterator[Sequence[Person]]:
    """So many people at work. Each was told of something kept when the block begins, and is once more at its end."""
    people = [Person(fleet) for _ in range(number)]
    for person in people:
        person.start()
    more(people)
    yield people
    more(people)
    for person in people:
        person.stop()


def more(people: Sequence[Person], count: int = 2) -> float:
    """Wait until everybody was told of so many more things that are kept. Returns the seconds it took."""
    before = [person.count for person in people]
    return wait_until(
        lambda: all(person.count >= then + count for person, then in zip(people, before, strict=True)),
        "everybody goes on",
    )


def differing(bench: Bench, replicas: int) -> list[str]:
    """Return what Health and `doctor` say of the replicas as a fleet, once all have noted themselves."""
    services = build_services(Settings(_env_file=None, **bench.settings()))  # type: ignore[call-arg]
    with contextlib.closing(services):
        noted = Replicas(services.database, services.clock, "laboratory")
        wait_until(lambda: len(noted.running()) == replicas, "all replicas have noted themselves")
        return [says for says, _ in differences(noted.running())]


def lost(bench: Bench, people: Sequence[Person]) -> list[Violation]:
    """Return what is not in the database as it was acknowledged, or as it was sent later."""
    services = build_services(Settings(_env_file=None, **bench.settings()))  # type: ignore[call-arg]
    with contextlib.closing(services):
        return [
            misread((person.session, field), found, text, set())
            for person in people
            for field, text in person.acknowledged.items()
            if (found := services.engine.open(person.session).values.get(field_path("sheet", field)))
            not in (text, *person.since[field])
        ]


def status(port: int, path: str) -> int:
    """Return the status with which a path is answered; 0 where nobody answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except _AWAY:
        return 0
    finally:
        connection.close()


def _says_kept(page: OpenPage) -> bool:
    """Return whether the page says, at the end of its run, that all of it is kept."""
    told = [json.loads(data).get("status") for data in page.components.values()]
    return [status["not_kept"] for status in told if status][-1:] == [[]]


def _field_of(token: str) -> str:
    """Return the field that a token is for: the second thing it says."""
    payload = token.partition(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))[1])


def _cookie(port: int) -> str:
    """Ask for a page as a new browser does, and return the cookies it is given: the app's and the balancer's."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    given = answer.headers.get_all("Set-Cookie") or []
    return "; ".join(each.partition(";")[0] for each in given)
