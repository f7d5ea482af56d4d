"""Looking after the open pages: when it asks the database, and what it does with what it finds."""

from __future__ import annotations

import asyncio

import pytest

from core.accounts import Accounts, Identity
from core.clock import FakeClock
from core.storage.database import open_database
from core.web.ingress import Connections
from core.web.live_tab import LiveTab
from core.web.session_revocation import SessionRevocation
from tests.engine.conftest import queries

TOKENS = [f"{number:064x}" for number in range(5)]


class Hall:
    """Open pages, one for each token, and what is done to them."""

    def __init__(self, *tokens: str | None) -> None:
        self.connections = Connections()
        self.done: list[tuple[str, str]] = []
        self.running: set[str] = set()
        """The tokens whose pages' scripts are at work."""
        self.revocation = SessionRevocation(
            self.connections,
            run=lambda page: self.done.append(("run", page)),
            end=lambda page: self.done.append(("end", page)),
            is_running=lambda page: page.removeprefix("page of ") in self.running,
        )
        self.names = [self.open(token) for token in tokens]

    def open(self, token: str | None) -> str:
        async def cut() -> None:
            self.done.append(("cut", page))

        page = f"page of {token}"
        name = self.connections.open(cut)
        tab = LiveTab(lambda _edits: None, session_id="anon-1")
        self.connections.attach(name, tab, page, owner=token, needs=lambda: ["orders.read"])
        return name

    def look(self, accounts: Accounts) -> list[tuple[str, str]]:
        self.done.clear()
        asyncio.run(self.revocation.check(accounts))
        return list(self.done)


@pytest.mark.parametrize("tokens", [(), (None,)], ids=["no page", "a browser without a cookie"])
def test_without_a_page_somebody_may_lose_nothing_is_asked(accounts: Accounts, tokens: tuple[None, ...]) -> None:
    hall = Hall(*tokens)
    with queries(accounts.users._database) as sent:
        assert hall.look(accounts) == []
    assert sent == []


def test_all_open_pages_are_looked_up_by_one_query(accounts: Accounts) -> None:
    hall = Hall(*(f"{number:064x}" for number in range(1000)))
    accounts.tokens.revoke(f"{7:064x}")
    with queries(accounts.users._database) as sent:
        assert hall.look(accounts) == [("run", f"page of {7:064x}")]
    assert len(sent) == 1
    hall.open(f"{1000:064x}")
    with queries(accounts.users._database) as sent:
        hall.look(accounts)
    assert len(sent) == 2


def test_every_page_of_an_ended_browser_runs_once_and_is_cut_off_if_it_stays(accounts: Accounts) -> None:
    hall = Hall(TOKENS[0], TOKENS[1], TOKENS[1])
    assert hall.look(accounts) == []
    accounts.tokens.revoke(TOKENS[1])
    page = f"page of {TOKENS[1]}"
    assert hall.look(accounts) == [("run", page)] * 2
    hall.connections.close(hall.names[1])  # this one did as it was told
    assert hall.look(accounts) == [("end", page), ("cut", page)]
    hall.connections.close(hall.names[2])
    assert hall.look(accounts) == []


@pytest.mark.parametrize(
    ("change", "finishes"),
    [("more rights", True), ("fewer rights", False), ("locked", False), ("signed out", False)],
)
def test_a_script_at_work_is_left_to_finish_while_its_page_may_be_seen(
    accounts: Accounts, change: str, finishes: bool
) -> None:
    accounts.roles.save("clerk", ["orders.read"])
    user = accounts.users.create("ada", "Ada", roles=["clerk"])
    ticket = accounts.tokens.issue_ticket("before", user.user_id)
    assert accounts.tokens.redeem(ticket, "before", TOKENS[0], "a browser")
    hall, page = Hall(TOKENS[0]), f"page of {TOKENS[0]}"
    hall.running.add(TOKENS[0])
    match change:
        case "locked":
            accounts.users.set_active(user.user_id, False)
        case "signed out":
            accounts.tokens.revoke(TOKENS[0])
        case _:
            accounts.roles.save("clerk", ["orders.*", "stock.read"] if finishes else ["stock.read"])
    looks = [hall.look(accounts) for _ in range(3)]
    assert looks[:2] == ([[], []] if finishes else [[("run", page)], [("end", page), ("cut", page)]])
    hall.running.clear()
    if finishes:  # then it gets its new token, as any other page
        assert hall.look(accounts) == [("run", page)]


def test_who_is_no_longer_good_is_told_as_each_single_look_tells_it(accounts: Accounts, clock: FakeClock) -> None:
    accounts.roles.save("clerk", ["orders.*"])
    for token, person in zip(TOKENS, ("good", "locked", "rights", "idle"), strict=False):
        user = accounts.users.create(person, person, roles=["clerk"] if person == "rights" else [])
        ticket = accounts.tokens.issue_ticket(f"before {person}", user.user_id)
        assert accounts.tokens.redeem(ticket, f"before {person}", token, "a browser")
        if person == "locked":
            accounts.users.set_active(user.user_id, False)
    accounts.roles.save("clerk", [])
    clock.advance(3500)
    for token in TOKENS[:3]:
        accounts.tokens.touch(accounts.identities.ask(token, "anon"))
    clock.advance(200)
    accounts.tokens.register(TOKENS[4], "anon-1", "a browser")
    found = accounts.identities.ended_or_stale([*TOKENS, "never seen"])
    assert found == {token for token in TOKENS if accounts.identities.ask(token, "anon").standing != "good"}
    assert found == {TOKENS[1], TOKENS[2], TOKENS[3]}


def test_while_the_database_is_away_everything_stays(clock: FakeClock) -> None:
    database = open_database("postgresql+psycopg://nobody@127.0.0.1:9/none")
    hall = Hall(TOKENS[0])
    assert hall.look(Accounts(database, clock, session_timeout=60)) == []


def test_an_outage_to_come_finds_ended_who_was_known_before(accounts: Accounts) -> None:
    known = accounts.identities.known
    known.remember(TOKENS[2], Identity(token_hash=TOKENS[2], session_id="anon-1", anonymous_id="anon-1", user=None))
    accounts.tokens.revoke(TOKENS[2])
    Hall(TOKENS[2]).look(accounts)
    assert known.recall(TOKENS[2]) is None
