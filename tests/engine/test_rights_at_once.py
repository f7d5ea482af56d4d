"""What is taken from a person counts at their next event: on an open page, in another process, for forged messages.

The server is the real one, in a process of its own; rights are changed here, by services over the same database. What a
page does leaves a trace in the audit trail.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import user_key_from_element_id
from websockets.exceptions import ConnectionClosed

from core.accounts import User
from core.services import Services, build_services
from core.settings import Settings
from core.web.token import new_token, token_hash
from tests.engine import HERE
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.page import Page
from tests.lab.server import Server

pytestmark = pytest.mark.xdist_group("servers")


class Desk(Page):
    """An open page of the desk, and what there is on it to be misused."""

    def __init__(
        self, port: int, cookie: str, *, goes_on: Desk | None = None, first: Callable[[Desk], None] | None = None
    ) -> None:
        """`goes_on` is an earlier page to go on where it was, `first` what to say before anything else."""
        self._first = first
        self.title = ""
        self.buttons: dict[str, str] = {}
        self.pages: dict[str, str] = {}
        self.part = self.file = ""
        self.answered = self.borrowed = self.was_cut = False
        if goes_on is not None:
            self.know(goes_on)
        super().__init__(port, cookie, resume=goes_on.session_id if goes_on is not None else "")

    def ask(self, page: str = "", *, press: str = "", note: str | None = None, part: bool = False) -> None:
        """Send one message, and wait for its run. Nothing that a page forgot is forgotten here."""
        message = BackMsg()
        wish = message.rerun_script
        wish.page_script_hash = self.pages.get(page, "")
        if press:
            wish.widget_states.widgets.add(id=self.buttons[press], trigger_value=True)
        if note is not None:
            wish.widget_states.widgets.append(WidgetState(id=self.buttons["desk.note"], string_value=note))
        if part:
            wish.fragment_id = self.part
        with self._told:
            before = self._runs
        self.send(message)
        if self.borrowed:
            self.send(BackMsg(rerun_script={}))  # a part of a page that was never shown here brings no run
        with self._told:
            assert self._told.wait_for(lambda: self._runs > before or self.was_cut, 60)

    def send(self, message: BackMsg) -> None:
        with contextlib.suppress(ConnectionClosed):  # an open page goes soon after its right
            super().send(message)

    def borrow(self, other: Desk) -> None:
        """Know what there is on another open page, and was never shown here."""
        self.know(other)
        self.borrowed = True

    def know(self, other: Desk) -> None:
        self.buttons, self.part, self.pages = other.buttons, other.part, other.pages

    def fetch(self, *, until_answered: bool = False) -> None:
        """Ask for the file that is made on demand, and wait for a run that was asked for later."""
        message = BackMsg()
        message.backend_operation_request.request_id = "1"
        message.backend_operation_request.session_id = self.session_id
        message.backend_operation_request.deferred_file.file_id = self.file
        self.send(message)
        if until_answered:  # a run that begins before may drop the answer
            with self._told:
                assert self._told.wait_for(lambda: self.answered, 60)
        self.ask("lobby")

    def _send(self) -> None:
        if self._first is None:
            super()._send()
        else:
            self._first(self)

    def _read(self) -> None:
        super()._read()
        with self._told:
            self.was_cut = True
            self._told.notify_all()

    def _hear(self, frame: bytes) -> None:
        message = ForwardMsg()
        message.ParseFromString(frame)
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self.pages = {page.url_pathname or "lobby": page.page_script_hash for page in message.navigation.app_pages}
        elif kind == "delta":
            element = message.delta.new_element
            if element.HasField("heading") and element.heading.tag == "h1":
                self.title = element.heading.body
            for widget in (element.button, element.text_input, element.download_button):
                if widget.id:
                    self.buttons[str(user_key_from_element_id(widget.id))] = widget.id
            self.file = element.download_button.deferred_file_id or self.file
            self.part = message.delta.fragment_id or self.part
        elif kind == "backend_operation_response":
            with self._told:
                self.answered = True
                self._told.notify_all()
        super()._hear(frame)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Services]]:
    """A server, and services of another process over its database."""
    folder: Path = tmp_path_factory.mktemp("desk")
    with Laboratory(Setup.SQLITE, folder) as laboratory, laboratory.bench() as bench:
        ours = build_services(Settings(_env_file=None, **bench.settings(journal_path=folder / "other.db")))  # type: ignore[call-arg]
        with contextlib.closing(Server(bench.settings(), folder / "server.log", app=HERE / "desk/app.py")) as server:
            yield server, ours
        ours.accounts.close()
        ours.engine.close()


@pytest.fixture
def services(place: tuple[Server, Services]) -> Services:
    return place[1]


@pytest.fixture
def clerk(services: Services) -> User:
    """Somebody who may read and write at the desk, by a role of their own."""
    name = f"clerk-{secrets.token_hex(4)}"
    services.accounts.roles.save(name, ["desk.*"])
    return services.accounts.users.create(name, "Clerk", roles=[name])


@pytest.fixture
def open_page(place: tuple[Server, Services], clerk: User) -> Iterator[Callable[..., Desk]]:
    """Open the start page in the clerk's browser, which is signed in."""
    server, services = place
    secret, name = services.settings.secret_key.get_secret_value(), services.settings.cookie_name
    old, new = new_token(secret), new_token(secret)
    ticket = services.accounts.tokens.issue_ticket(token_hash(old), clerk.user_id)
    assert services.accounts.tokens.redeem(ticket, token_hash(old), token_hash(new), "a test")
    pages: list[Desk] = []

    def open_page(**how: Any) -> Desk:
        pages.append(Desk(server.port, f"{name}={new}", **how))
        return pages[-1]

    yield open_page
    for page in pages:
        page.close()


@pytest.fixture
def desk(open_page: Callable[..., Desk]) -> Desk:
    """The clerk's desk, open."""
    page = open_page()
    page.ask("desk")
    assert page.title == "Desk"
    return page


def done(services: Services, user: User) -> list[str]:
    """What was done in the name of somebody, the earliest first."""
    lines = services.accounts.audit.find(person=user.user_id, events=["role.saved"])
    return [line.detail for line in reversed(lines)]


def noted(services: Services, user: User) -> str:
    return str(services.engine.open(user.session_id).form("desk").values.get("note", ""))


def take_role(services: Services, user: User) -> None:
    services.accounts.users.set_roles(user.user_id, [])


def take_permission(services: Services, user: User) -> None:
    services.accounts.roles.save(user.username, ["lobby.*"])


def delete_role(services: Services, user: User) -> None:
    services.accounts.roles.delete(user.username)


def lock_out(services: Services, user: User) -> None:
    services.accounts.users.set_active(user.user_id, False)


def sign_out(services: Services, user: User) -> None:
    services.accounts.browsers.revoke_session(user.session_id)


TAKING = [take_role, take_permission, delete_role, lock_out, sign_out]
MISUSES: list[Callable[[Desk], None]] = [
    lambda page: page.ask("desk", press="careless"),
    lambda page: page.ask("desk", press="write"),
    lambda page: page.ask(press="careless", part=True),
    lambda page: page.ask(part=True),
    lambda page: page.ask("desk", note="forged"),
    lambda page: page.fetch(),
]
MESSAGES = MISUSES[:-1]
"""Those that need nothing which was offered to this very page."""


def test_all_of_it_works_for_somebody_who_may(desk: Desk, services: Services, clerk: User) -> None:
    for misuse in MESSAGES:
        misuse(desk)
        desk.ask("desk")
    desk.fetch(until_answered=True)
    assert {"a careless callback", "a guarded callback", "a part of the page", "a file on demand"} <= set(
        done(services, clerk)
    )
    assert noted(services, clerk) == "forged"


def test_st_user_is_the_person_in_a_page_a_callback_and_a_fragment(
    services: Services, clerk: User, open_page: Callable[..., Desk]
) -> None:
    page = open_page()
    page.ask("plain")
    assert page.title == "Plain"
    page.ask("plain", press="tell")
    page.ask(part=True)
    services.accounts.users.describe(clerk.user_id, name="Clerk", email="clerk@example.org")
    page.ask("plain", press="tell")
    before, after = (f"True Clerk {email} {clerk.user_id}" for email in (None, "clerk@example.org"))
    told = [f"{where}: {before}" for where in ("page", "fragment", "callback", "page", "fragment", "fragment")]
    # The callback comes before the run that looks who is there.
    told += [f"callback: {before}", f"page: {after}", f"fragment: {after}"]
    assert done(services, clerk) == told


@pytest.mark.parametrize("take", TAKING, ids=lambda take: take.__name__)
def test_what_is_taken_counts_at_the_next_event(
    desk: Desk, services: Services, clerk: User, take: Callable[[Services, User], None]
) -> None:
    before = done(services, clerk)
    take(services, clerk)
    for misuse in MISUSES:
        misuse(desk)
    assert done(services, clerk) == before
    assert noted(services, clerk) == ""


def test_one_action_is_taken_and_the_page_stays(desk: Desk, services: Services, clerk: User) -> None:
    services.accounts.roles.save(clerk.username, ["desk.read"])
    before = done(services, clerk)
    desk.ask("desk", press="write")
    desk.ask("desk", press="careless")
    assert done(services, clerk) == [*before, "a careless callback"]
    assert not desk.was_cut


def test_a_connection_that_goes_on_where_another_was_has_no_more_rights(
    services: Services, clerk: User, open_page: Callable[..., Desk]
) -> None:
    """Its first message comes before a run has said whose tab it is."""
    desks = [open_page() for _ in MESSAGES]
    for desk in desks:
        desk.ask("desk")
        desk.close()
    before = done(services, clerk)
    take_role(services, clerk)
    for desk, misuse in zip(desks, MESSAGES, strict=True):
        page = open_page(goes_on=desk, first=misuse)
        assert page.session_id == desk.session_id
    assert done(services, clerk) == before
    assert noted(services, clerk) == ""


def test_who_may_not_see_a_page_can_do_nothing_of_it_by_forged_messages(
    services: Services, clerk: User, open_page: Callable[..., Desk], desk: Desk
) -> None:
    """The page was never shown here; its widgets are known from another screen."""
    before = done(services, clerk)
    take_role(services, clerk)
    for misuse in MESSAGES:
        page = open_page()
        page.borrow(desk)
        misuse(page)
    assert done(services, clerk) == before
    assert noted(services, clerk) == ""
