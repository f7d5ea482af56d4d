"""Reading the audit trail: all filters together, page by page, as a file, at the terminal and on its page."""

from __future__ import annotations

import csv
import io
import itertools
import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.accounts import EVENTS, Accounts, Actor, Asked, Audited, Event
from core.apps.admin.pages.audit import EVENTS as NAMED
from core.apps.admin.pages.audit import table
from core.clock import FakeClock

ADA = Actor(user_id="a" * 32, address="192.0.2.7", device="Firefox on Linux")
BOB = Actor(user_id="b" * 32, address="192.0.2.8")
STEP = timedelta(minutes=1)


@pytest.fixture
def lines(accounts: Accounts, clock: FakeClock) -> list[Audited]:
    """Forty lines of two people and of nobody, of three kinds, from three addresses; the newest first."""
    kinds: tuple[Event, ...] = ("sign_in", "refused", "role.saved")
    actors = (ADA, BOB, Actor(address="192.0.2.9"))
    for number, (actor, kind) in zip(range(40), itertools.cycle(itertools.product(actors, kinds)), strict=False):
        subject = f"person:{ADA.user_id}" if number % 4 == 0 else ""
        accounts.audit.note(kind, by=actor, subject=subject, detail=str(number))
        clock.advance(STEP.total_seconds() * (number % 3))  # some happen at the same time
    return accounts.audit.find(limit=1000)


def applies(line: Audited, asked: Asked) -> bool:
    return (
        (not asked.get("events") or line.event in asked["events"])
        and (asked.get("person") is None or asked["person"] in (line.actor_id, line.subject.removeprefix("person:")))
        and (asked.get("address") is None or line.address == asked["address"])
        and (asked.get("since") is None or line.at >= asked["since"])  # type: ignore[operator]
        and (asked.get("until") is None or line.at < asked["until"])  # type: ignore[operator]
    )


def test_every_combination_of_filters_finds_what_applies_in_order_and_in_pages(
    accounts: Accounts, lines: list[Audited]
) -> None:
    order = [line.number for line in lines]
    assert order == sorted(order, reverse=True)
    middle = lines[len(lines) // 2].at
    found = 0
    for events, person, address, since, until in itertools.product(
        ([], ["refused"], ["refused", "sign_in"], sorted(EVENTS)),
        (None, ADA.user_id, "c" * 32),
        (None, "192.0.2.7"),
        (None, middle),
        (None, middle, middle + 5 * STEP),
    ):
        asked = Asked(events=events, person=person, address=address, since=since, until=until)
        pages: list[Audited] = []
        while page := accounts.audit.find(limit=7, before=pages[-1].number if pages else None, **asked):
            pages += page
        assert pages == [line for line in lines if applies(line, asked)], asked
        found += len(pages)
    assert found > len(lines)


def test_a_file_holds_what_is_asked_for_with_names_and_is_noted(accounts: Accounts, lines: list[Audited]) -> None:
    evil = accounts.users.create("eve", "=HYPERLINK(1)")
    accounts.audit.note("refused", by=Actor(user_id=evil.user_id), detail="admin.people")
    rows = json.loads("".join(accounts.audit.export("json", by=ADA, events=["refused"])))
    assert len(rows) == 1 + sum(line.event == "refused" for line in lines)
    assert (rows[0]["actor"], rows[0]["detail"]) == ("=HYPERLINK(1) (eve)", "admin.people")
    assert rows[-1]["actor"] == "deleted (aaaaaaaa)"
    noted = accounts.audit.find(limit=1)[0]
    assert (noted.event, noted.actor_id, noted.address) == ("trail.exported", ADA.user_id, ADA.address)
    assert noted.detail == "as json, events refused"

    table = list(csv.DictReader(io.StringIO("".join(accounts.audit.export("csv", by=ADA, person=evil.user_id)))))
    assert table[0]["actor"] == "'=HYPERLINK(1) (eve)", "a spreadsheet would compute it"
    assert datetime.fromisoformat(table[0]["at"]).tzinfo is not None


def test_a_file_holds_the_newest_and_nothing_twice(
    accounts: Accounts, lines: list[Audited], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.accounts.audit._BATCH", 7)
    for limit in (3, 7, 14, 17, None):
        rows = json.loads("".join(accounts.audit.export("json", by=ADA, limit=limit, events=["sign_in", "refused"])))
        wanted = [line.number for line in lines if line.event in ("sign_in", "refused")]
        assert [row["number"] for row in rows] == wanted[:limit]
    assert json.loads("".join(accounts.audit.export("json", by=ADA, address="nowhere"))) == []


def test_every_event_has_a_name() -> None:
    assert set(NAMED) == EVENTS


def test_a_table_shows_times_of_the_reader_and_names(accounts: Accounts) -> None:
    ada = accounts.users.create("ada", "Ada")
    (line,) = accounts.audit.find(person=ada.user_id)
    shown = table([line], ZoneInfo("Asia/Tokyo")).iloc[0]
    assert shown["When"] == line.at.astimezone(ZoneInfo("Asia/Tokyo")).replace(tzinfo=None)
    assert (shown["Event"], shown["About"], shown["Who"]) == ("Person added", "Ada (ada)", "")
