"""What is typed is durable once the route has answered 204; nobody can write what was not shown to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core.accounts import User
from core.clock import FakeClock, stamp_time
from core.rate import RateLimit
from core.services import Services, build_services, use_services
from core.session import UserSession
from core.settings import Settings
from core.state import undo
from core.state.paths import join_path
from core.state.text_rules import TextRule
from core.state.typed_text import Draft, draft_path, send_fields
from core.storage import quarantine, sql_store
from core.storage.models import Base
from core.web import routes
from core.web.drafts import BODY_LIMIT, keep_with_message
from core.web.field_token import FieldToken
from core.web.token import anonymous_session_id, new_token, token_hash
from tests.engine.conftest import queries
from tests.engine.writing import put

TAB, OTHER_TAB = "0123456789abcdef" * 2, "f" * 32
OURS = {"Sec-Fetch-Site": "same-origin"}
FIELD = join_path("form", "order", "field", "item")
TEXT = TextRule(kind="text", longest=100)


class Browser:
    """A browser whose page shows the field `item` of the form `order`."""

    def __init__(self, client: TestClient, services: Services, token: str, session_id: str) -> None:
        self.client, self.services, self.token, self.session_id = client, services, token, session_id
        client.cookies.set(services.settings.cookie_name, token)

    @property
    def secret(self) -> str:
        return self.services.settings.secret_key.get_secret_value()

    def field_token(self, field: str = "item", rule: TextRule = TEXT) -> str:
        return FieldToken(form="order", field=field, rule=rule).issue(self.session_id, self.secret)

    def body(self, **changes: Any) -> dict[str, Any]:
        return {"tab": TAB, "number": 1, "token": self.field_token(), "text": "a lamp", **changes}

    def post(self, headers: dict[str, str] | None = None, **changes: Any) -> Any:
        return self.client.post("/keep/drafts", json=self.body(**changes), headers=headers)

    def send_with_message(
        self, *bodies: dict[str, Any], edits: Mapping[tuple[str, str], Any] | None = None
    ) -> dict[str, str]:
        """Send drafts with a message of Streamlit's. Returns why some weren't kept, by field."""
        owner = self.services.accounts.identities.resolve(token_hash(self.token), self.session_id)
        found = keep_with_message(self.services, owner, "Test", bodies, edits or {}, lambda: None)
        return {field: str(error) for (_, field), error in found.items()}

    def session(self) -> UserSession:
        return self.services.engine.open(self.session_id)

    def note(self, tab: str = TAB) -> Draft | None:
        return Draft.parse(self.session().values.get(draft_path(tab, "order", "item")))

    @property
    def item(self) -> Any:
        return self.session().form("order").values.get("item")


@pytest.fixture
def connect(services: Services) -> Iterator[Callable[..., Browser]]:
    """Open a browser: a person's, or with no user an anonymous one before its first edit."""
    with TestClient(Starlette(routes=routes()), headers=OURS) as client:

        def browser(user: User | None = None) -> Browser:
            secret = services.settings.secret_key.get_secret_value()
            token = new_token(secret)
            if user is None:
                return Browser(client, services, token, anonymous_session_id(token, secret))
            before = f"before {token}"
            ticket = services.accounts.tokens.issue_ticket(before, user.user_id)
            assert services.accounts.tokens.redeem(ticket, before, token_hash(token), "Test")
            return Browser(client, services, token, user.session_id)

        yield browser


@pytest.fixture
def ada(services: Services) -> User:
    return services.accounts.users.create("ada", "Ada")


@pytest.fixture
def browser(connect: Callable[..., Browser], ada: User) -> Browser:
    return connect(ada)


def test_what_is_typed_is_durable_with_a_note_of_the_tab(browser: Browser) -> None:
    answer = browser.post()

    assert answer.status_code == 204, answer.text
    assert browser.item == "a lamp"
    assert browser.note() == Draft(number=1, digest=browser.note().digest, on_screen=True)  # type: ignore[union-attr]
    assert answer.headers["keep-database"] == "up"
    assert answer.headers["keep-stamp"] == browser.session().stamps[FIELD]
    assert answer.headers["keep-at"] == stamp_time(answer.headers["keep-stamp"]).isoformat()


def test_it_survives_the_server(browser: Browser, make_settings: Callable[..., Settings]) -> None:
    browser.post()

    again = build_services(browser.services.settings)
    try:
        assert again.engine.open(browser.session_id).form("order").values == {"item": "a lamp"}
    finally:
        again.engine.close()


def test_a_later_text_replaces_an_earlier_one_and_a_late_one_changes_nothing(browser: Browser) -> None:
    browser.post(number=5, text="a lam")
    browser.post(number=7, text="a lamp")
    stamp = browser.session().stamps[FIELD]

    for late in ({"number": 6, "text": "a la"}, {"number": 7, "text": "another"}, {"number": 1}):
        assert browser.post(**late).status_code == 204

    assert browser.item == "a lamp"
    assert browser.session().stamps[FIELD] == stamp


def test_each_tab_counts_for_itself(browser: Browser) -> None:
    browser.post(number=9, text="from the first")
    browser.post(number=1, text="from the second", tab=OTHER_TAB)

    assert browser.item == "from the second"


def test_a_text_that_arrived_after_the_new_page_was_shown_is_news_to_it(browser: Browser) -> None:
    browser.post(number=3)
    stamp = browser.session().stamps[FIELD]

    assert browser.post(number=3, on_screen=False).status_code == 204

    assert browser.note().on_screen is False  # type: ignore[union-attr]
    assert browser.session().stamps[FIELD] == stamp


def test_a_repeated_text_does_not_undo_what_was_entered_since(browser: Browser) -> None:
    browser.post(number=3)
    put(browser.services.engine, browser.session_id, {FIELD: "a chair"})

    browser.post(number=3, on_screen=False)

    assert browser.item == "a chair"
    assert browser.note().on_screen is True  # type: ignore[union-attr]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def slow_browser(make_settings: Callable[..., Settings], clock: FakeClock) -> Iterator[Browser]:
    """A browser of a server whose time passes only when told to."""
    built = build_services(make_settings(), clock)
    Base.metadata.create_all(built.database)
    with use_services(built), TestClient(Starlette(routes=routes()), headers=OURS) as client:
        user = built.accounts.users.create("ada", "Ada")
        token = new_token(built.settings.secret_key.get_secret_value())
        built.accounts.tokens.redeem(
            built.accounts.tokens.issue_ticket("x", user.user_id), "x", token_hash(token), "Test"
        )
        yield Browser(client, built, token, user.session_id)


def test_what_a_page_left_behind_is_kept_when_nothing_was_entered_since(
    slow_browser: Browser, clock: FakeClock
) -> None:
    put(slow_browser.services.engine, slow_browser.session_id, {FIELD: "on Monday"})
    clock.advance(3600)

    assert slow_browser.post(text="typed after", on_screen=False, age_ms=1_800_000).status_code == 204

    assert slow_browser.item == "typed after"


def test_what_was_entered_since_stays_and_what_a_page_left_behind_can_be_chosen(
    slow_browser: Browser, clock: FakeClock
) -> None:
    put(slow_browser.services.engine, slow_browser.session_id, {FIELD: "on Monday"})
    clock.advance(3600)

    for _ in range(2):
        assert slow_browser.post(text="typed before", on_screen=False, age_ms=7_200_000).status_code == 204

    session = slow_browser.session()
    assert session.form("order").values == {"item": "on Monday"}
    assert [conflict.value for conflict in session.conflicts("order")] == ["typed before"]


def test_a_text_typed_before_its_field_was_cleared_does_not_come_back(slow_browser: Browser, clock: FakeClock) -> None:
    slow_browser.post(number=1)
    clock.advance(1)
    slow_browser.session().reset_form("order")
    clock.advance(0.2)

    assert slow_browser.post(number=2, text="typed before", age_ms=500).status_code == 204
    assert slow_browser.item is None

    assert slow_browser.post(number=3, text="typed after", age_ms=100).status_code == 204
    assert slow_browser.item == "typed after"


def elsewhere(browser: Browser, text: str) -> UserSession:
    """Enter something in another tab."""
    session = browser.session()
    session.attach_tab(OTHER_TAB)
    session.set_field("order", "item", text)
    return session


def test_a_text_typed_before_another_tab_s_edit_does_not_replace_it_and_can_be_chosen(
    slow_browser: Browser, clock: FakeClock
) -> None:
    clock.advance(10)
    there = elsewhere(slow_browser, "entered on the phone")

    assert slow_browser.post(text="typed a moment before", age_ms=1_000).status_code == 204

    assert slow_browser.item == "entered on the phone"
    slow_browser.services.engine.refresh(there)
    (conflict,) = there.conflicts("order")
    assert (conflict.value, conflict.tab, conflict.current_tab) == ("typed a moment before", TAB, OTHER_TAB)
    there.take_lost("order", conflict)
    assert slow_browser.item == "typed a moment before"
    there.undo("order")
    assert slow_browser.item == "entered on the phone"


@pytest.mark.parametrize(("age_ms", "left"), [(5_000, "as it was"), (500, "typed")], ids=["before", "after"])
@pytest.mark.parametrize("press", ["restore", "undo"])
def test_what_a_button_put_back_stays_unless_one_types_on(
    slow_browser: Browser, clock: FakeClock, press: str, age_ms: int, left: str
) -> None:
    """A text may be on its way while its author presses a button."""
    session = slow_browser.session()
    session.attach_tab(TAB)
    session.set_field("order", "item", "as it was")
    version = session.create_form_snapshot("order")
    clock.advance(10)
    shown = slow_browser.post(text="as it was, an").headers["keep-stamp"]
    clock.advance(10)
    slow_browser.services.engine.refresh(session)
    session.restore_form_snapshot(version.snapshot_id) if press == "restore" else session.undo("order")
    clock.advance(1)

    assert slow_browser.post(number=2, text="typed", seen=shown, age_ms=age_ms).status_code == 204

    assert slow_browser.item == left
    assert slow_browser.session().conflicts("order") == []


def test_a_text_typed_after_another_tab_s_edit_replaces_it_which_can_be_chosen(
    slow_browser: Browser, clock: FakeClock
) -> None:
    there = elsewhere(slow_browser, "entered on the phone")
    clock.advance(10)

    assert slow_browser.post(text="typed after", age_ms=1_000).status_code == 204

    assert slow_browser.item == "typed after"
    slow_browser.services.engine.refresh(there)
    (conflict,) = there.conflicts("order")
    assert (conflict.value, conflict.mine, conflict.current) == ("entered on the phone", True, "typed after")


def test_a_text_typed_where_the_other_tab_s_edit_was_shown_is_no_conflict(
    slow_browser: Browser, clock: FakeClock
) -> None:
    there = elsewhere(slow_browser, "entered on the phone")
    clock.advance(10)
    seen = there.stamps[FIELD]
    for number, text in enumerate(("e", "en", "entered here"), start=1):
        clock.advance(1)
        seen = slow_browser.post(number=number, text=text, seen=seen).headers["keep-stamp"]

    slow_browser.services.engine.refresh(there)
    assert there.conflicts("order") == []
    assert there.form("order").values == {"item": "entered here"}


def test_what_the_same_tab_typed_counts_as_later_than_what_it_entered(slow_browser: Browser, clock: FakeClock) -> None:
    clock.advance(10)
    here = slow_browser.session()
    here.attach_tab(TAB)
    here.set_field("order", "item", "a la")

    assert slow_browser.post(text="a lamp", age_ms=300).status_code == 204
    assert slow_browser.item == "a lamp"
    assert slow_browser.session().conflicts("order") == []


def test_what_is_typed_in_one_go_is_one_step_from_before_the_typing_to_what_was_left(
    slow_browser: Browser, clock: FakeClock
) -> None:
    here = slow_browser.session()
    here.attach_tab(TAB)
    here.set_field("order", "item", "a chair")
    clock.advance(60)
    seen = here.stamps[FIELD]
    for number, text in enumerate(("a l", "a lam", "a lamp"), start=1):
        clock.advance(1)
        seen = slow_browser.post(number=number, text=text, seen=seen, age_ms=100).headers["keep-stamp"]
    clock.advance(1)
    slow_browser.services.engine.refresh(here)
    here.set_field("order", "item", "a lamp!")

    again = slow_browser.session()
    assert [edit.fields["item"].after for edit in undo.history(again, "order").edits] == ["a chair", "a lamp!"]
    again.undo("order")
    assert slow_browser.item == "a chair"


def test_what_is_typed_after_a_pause_is_a_step_of_its_own(slow_browser: Browser, clock: FakeClock) -> None:
    seen = ""
    for number, text in enumerate(("a lamp", "a lamp and", "a lamp and a chair"), start=1):
        clock.advance(1 if number == 2 else 10)
        seen = slow_browser.post(number=number, text=text, seen=seen, age_ms=100).headers["keep-stamp"]

    session = slow_browser.session()
    session.undo("order")
    assert session.form("order").values == {"item": "a lamp and"}
    session.undo("order")
    assert session.form("order").values == {}


def test_what_is_typed_and_taken_out_again_is_nothing_to_undo(slow_browser: Browser, clock: FakeClock) -> None:
    seen = slow_browser.post(text="a lamp").headers["keep-stamp"]
    clock.advance(10)
    for number, text in enumerate(("a lamp!", "a lamp"), start=2):
        clock.advance(1)
        seen = slow_browser.post(number=number, text=text, seen=seen, age_ms=100).headers["keep-stamp"]

    session = slow_browser.session()
    session.undo("order")
    assert session.form("order").values == {}


def test_a_text_typed_after_an_undo_is_a_step_of_its_own(slow_browser: Browser, clock: FakeClock) -> None:
    seen = slow_browser.post(text="a lamp", age_ms=0).headers["keep-stamp"]
    slow_browser.session().undo("order")
    clock.advance(1)
    slow_browser.post(number=2, text="a chair", seen=seen, age_ms=0)

    session = slow_browser.session()
    assert not session.can_redo("order")
    session.undo("order")
    assert session.form("order").values == {}


def test_what_was_deleted_stays_deleted(connect: Callable[..., Browser], services: Services) -> None:
    stranger = connect()
    put(services.engine, stranger.session_id, {FIELD: "before"})
    services.engine.flush()
    services.engine.purge(stranger.session_id)

    assert stranger.post().status_code == 401

    assert stranger.item is None


def test_the_first_draft_of_a_session_says_whose_it_is(browser: Browser, ada: User) -> None:
    before = browser.session()
    assert before.created_at is None

    browser.post()

    assert browser.session().user_id == ada.user_id
    created = browser.session().created_at
    assert created is not None
    browser.post(number=2)
    assert browser.session().created_at == created


def test_an_anonymous_browser_is_known_after_its_first_draft(connect: Callable[..., Browser]) -> None:
    stranger = connect()

    assert stranger.post().status_code == 204

    assert stranger.item == "a lamp"
    state = stranger.services.accounts.identities.ask(token_hash(stranger.token), "anon")
    assert state.session_id == stranger.session_id


@pytest.mark.parametrize(
    ("rule", "text", "value"),
    [
        (TEXT, "", ""),
        (TextRule(kind="text", optional=True), "", None),
        (TextRule(kind="integer"), "7", 7),
        (TextRule(kind="decimal"), "7", 7.0),
        (TEXT, "Zoë 😀\nline two", "Zoë 😀\nline two"),
        (TEXT, "a\x00b", "a\x00b"),
    ],
)
def test_the_text_becomes_the_value_its_widget_would_hold(
    browser: Browser, rule: TextRule, text: str, value: object
) -> None:
    assert browser.post(token=browser.field_token(rule=rule), text=text).status_code == 204

    assert browser.item == value
    assert type(browser.item) is type(value)


@pytest.mark.parametrize(
    ("rule", "text", "reason"),
    [
        (TextRule(kind="integer"), "1e", "a number yet"),
        (TextRule(kind="integer", high=9), "10", "at most 9"),
        (TEXT, "x" * 101, "100 are allowed"),
        (TextRule(kind="text"), "x" * 270_000, "256 KB"),
    ],
)
def test_a_text_its_widget_would_not_take_is_refused_with_the_reason(
    browser: Browser, rule: TextRule, text: str, reason: str
) -> None:
    browser.post(number=1)

    answer = browser.post(number=2, token=browser.field_token(rule=rule), text=text)

    assert answer.status_code == 422
    assert reason in answer.text
    assert browser.item == "a lamp"


def test_the_reason_is_told_in_the_language_of_the_page(browser: Browser) -> None:
    token = browser.field_token(rule=TextRule(kind="integer", high=10**9))

    assert browser.post(token=token, text="2000000000", language="de").text == (
        "2000000000 ist zu groß. Geben Sie höchstens 1000000000 ein."
    )
    assert "too large" in browser.post(token=token, text="2000000000", language="tlh").text


def test_a_field_shown_to_somebody_else_is_refused(connect: Callable[..., Browser], services: Services) -> None:
    ada, bob = services.accounts.users.create("ada", "Ada"), services.accounts.users.create("bob", "Bob")
    foreign = connect(ada).field_token()
    browser = connect(bob)

    for token in (foreign, "", "forged.signature", browser.field_token() + "x"):
        assert browser.post(token=token).status_code == 403

    assert browser.item is None
    assert services.engine.open(ada.session_id).form("order").values == {}


def test_a_browser_that_was_signed_out_is_refused(browser: Browser) -> None:
    browser.post(number=1)
    browser.services.accounts.tokens.revoke(token_hash(browser.token))

    assert browser.post(number=2, text="later").status_code == 401

    assert browser.item == "a lamp"


@pytest.mark.parametrize(
    "cookie", [None, "forged", new_token("another secret, of another project")], ids=["none", "forged", "foreign"]
)
def test_no_valid_cookie_no_draft(browser: Browser, cookie: str | None) -> None:
    browser.client.cookies.clear()
    if cookie:
        browser.client.cookies.set(browser.services.settings.cookie_name, cookie)

    assert browser.post().status_code == 401

    assert browser.item is None


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "none"}])
def test_other_sites_are_refused(browser: Browser, headers: dict[str, str]) -> None:
    assert browser.post(headers=headers).status_code == 403
    assert browser.item is None


def test_a_body_over_the_limit_is_refused(browser: Browser) -> None:
    assert browser.post(text="x" * BODY_LIMIT).status_code == 413


def test_every_answer_says_what_became_of_the_text(browser: Browser) -> None:
    """By it a page tells the route's own answers from those of whatever stands between them."""
    given = {
        "kept": [browser.post()],
        "refused": [browser.post(number=0), browser.post(text="x" * 101), browser.post(text="x" * BODY_LIMIT)],
        "not-shown": [browser.post(token="forged"), browser.post(headers={"Sec-Fetch-Site": "cross-site"})],
    }
    browser.services.accounts.tokens.revoke(token_hash(browser.token))
    given["signed-out"] = [browser.post()]
    browser.client.cookies.clear()
    given["signed-out"].append(browser.post())

    for said, answers in given.items():
        assert [answer.headers.get("keep-draft") for answer in answers] == [said] * len(answers)


def test_a_text_is_kept_however_wrong_its_browser_s_clock_was(browser: Browser) -> None:
    assert browser.post(age_ms=10**15).status_code == 204
    assert browser.item == "a lamp"


def test_only_post(browser: Browser) -> None:
    assert browser.client.get("/keep/drafts").status_code == 405


BEYOND_ALL_DATES = "f" * 12 + "0" * 16
WRONG: list[dict[str, Any]] = [
    {"tab": "x"},
    {"tab": None},
    {"number": 0},
    {"number": -1},
    {"number": 2**53},
    {"number": "1"},
    {"number": 1.5},
    {"token": None},
    {"text": None},
    {"text": 7},
    {"seen": "x"},
    {"seen": BEYOND_ALL_DATES},
    {"on_screen": 1},
    {"age_ms": -1},
    {"age_ms": "old"},
    {"language": 7},
]


@pytest.mark.parametrize("change", WRONG, ids=repr)
def test_a_malformed_body_gets_a_clear_answer_and_nothing_is_kept(browser: Browser, change: dict[str, Any]) -> None:
    answer = browser.post(**change)

    assert answer.status_code == 400
    assert answer.text.strip()
    assert browser.item is None


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]", b"\xff", pytest.param(b"[" * 100_000, id="nested")])
def test_what_is_no_json_object_is_refused(browser: Browser, content: bytes) -> None:
    assert browser.client.post("/keep/drafts", content=content).status_code == 400


def test_half_a_surrogate_pair_is_refused_or_kept_exactly(browser: Browser) -> None:
    content = json.dumps(browser.body(text="a\ud800b"))

    answer = browser.client.post("/keep/drafts", content=content)

    assert (answer.status_code == 422 and browser.item is None) or browser.item == "a\ud800b"


def test_a_page_can_not_set_the_clock_of_the_server(browser: Browser) -> None:
    ahead = stamp_time(put(browser.services.engine, "other", {"x": 1})["x"]).timestamp() * 1000 + 80_000_000
    seen = f"{int(ahead):012x}" + "0" * 16

    browser.post(seen=seen)

    assert browser.session().stamps[FIELD] < seen
    assert put(browser.services.engine, "other", {"x": 2})["x"] < seen


def test_a_browser_gone_wild_is_told_to_wait_and_others_are_not(
    browser: Browser, connect: Callable[..., Browser], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = RateLimit(per_second=20, burst=200, monotonic=lambda: 0.0)
    monkeypatch.setattr(import_module("core.web.drafts"), "RATE", stopped)
    while not stopped.wait(token_hash(browser.token)):
        pass

    refused = browser.post()

    assert refused.status_code == 429
    assert refused.headers["keep-draft"] == "later"
    assert int(refused.headers["retry-after"]) >= 1
    assert connect(services.accounts.users.create("bob", "Bob")).post().status_code == 204


@contextmanager
def away(services: Services) -> Iterator[None]:
    """The database can't be reached for the length of a block."""

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    services.database.dispose()
    event.listen(services.database, "do_connect", refuse)
    yield
    event.remove(services.database, "do_connect", refuse)


def test_while_the_database_is_away_a_stranger_must_wait(browser: Browser) -> None:
    with away(browser.services):
        answer = browser.post()

    assert answer.status_code == 503
    assert answer.headers["keep-database"] == "away"
    assert answer.headers["keep-draft"] == "later"


def test_while_the_database_is_away_a_known_browser_goes_on(services: Services, browser: Browser) -> None:
    browser.post(number=1, text="before")
    services.engine.flush()
    with away(services):
        answer = browser.post(number=2, text="during the outage")

        assert answer.status_code == 204
        assert answer.headers["keep-database"] == "away"
    services.engine.flush()
    assert browser.item == "during the outage"
    assert browser.session().created_at is not None


def test_what_was_sent_comes_back_as_no_draft_however_the_browser_posts_it(browser: Browser) -> None:
    """The page posts it while it goes, and the next one what that has left behind."""
    browser.post(text="hel", number=1)
    session = browser.session()
    session.attach_tab(TAB)
    before = session.stamps[FIELD]

    send_fields(session, {("order", "item"): "hello"})

    assert browser.post(text="hello", number=2, seen=before).status_code == 204
    assert browser.post(text="hello", number=2, seen=before, on_screen=False).status_code == 204
    assert browser.item is None
    assert not browser.session().conflicts("order")
    assert not browser.session().form("order").snapshots


def test_the_same_message_may_be_typed_once_more(browser: Browser) -> None:
    session = browser.session()
    session.attach_tab(TAB)
    send_fields(session, {("order", "item"): "yes"})

    browser.post(text="yes", number=2, seen=session.stamps[FIELD], on_screen=False)

    assert browser.item == "yes"


class TestWithAMessage:
    """Drafts that come with a message of Streamlit's, for the run it asks for."""

    def test_one_is_kept_as_if_it_was_posted_and_posting_it_changes_nothing(self, browser: Browser) -> None:
        assert browser.send_with_message(browser.body(text="a lamp")) == {}
        stamp = browser.session().stamps[FIELD]

        assert browser.item == "a lamp"
        assert browser.post(text="a lamp").headers["keep-stamp"] == stamp

    def test_one_that_its_field_would_not_take_is_named_with_the_reason(self, browser: Browser) -> None:
        number = browser.field_token("many", TextRule(kind="integer", low=0, high=9))

        refused = browser.send_with_message(browser.body(token=number, text="99"), browser.body(text="a lamp"))

        assert refused == {"many": "99 is too large. Enter at most 9."}
        assert browser.session().form("order").values == {"item": "a lamp"}

    def test_so_is_one_that_the_browser_could_not_send(self, browser: Browser) -> None:
        assert list(browser.send_with_message(browser.body(text=None))) == ["item"]
        assert browser.item is None

    def test_so_is_one_for_which_there_is_no_room(self, browser: Browser) -> None:
        too_long = browser.body(token=browser.field_token(rule=TextRule(kind="text")), text="x" * 300_000)
        assert list(browser.send_with_message(too_long)) == ["item"]

    def test_one_that_an_edit_has_is_left_to_that(self, browser: Browser) -> None:
        assert browser.send_with_message(browser.body(text="a lamp"), edits={("order", "item"): "a lamp"}) == {}
        assert browser.item is None

    @pytest.mark.parametrize(
        "wrong", [{"token": "forged"}, {"tab": "?"}, {"number": 0}, {"text": 1}, {"text": ["a"]}, {"seen": "never"}]
    )
    def test_what_the_route_would_not_take_is_passed_over(self, browser: Browser, wrong: dict[str, Any]) -> None:
        assert browser.send_with_message(browser.body(**wrong)) == {}
        assert browser.item is None


@pytest.mark.parametrize(
    ("typed", "asked", "read"),
    [
        ({"text": "goes on", "number": 2}, 2, 7),
        ({"text": "after another tab", "tab": "e" * 32}, 2, 5),
        ({"text": "before another tab", "tab": "e" * 32, "age_ms": 5_000}, 2, 5),
    ],
    ids=["the next", "after another tab's", "before another tab's"],
)
def test_a_post_reads_its_field_and_who_wrote_it_however_large_the_session_is(
    slow_browser: Browser,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    typed: dict[str, Any],
    asked: int,
    read: int,
) -> None:
    session = slow_browser.session()
    for number in range(30):
        session.set_field("order", f"field{number}", "x")
    clock.advance(60)
    slow_browser.post()
    slow_browser.services.engine.flush()
    clock.advance(1)
    rows: list[object] = []
    monkeypatch.setattr(sql_store, "as_entry", lambda row: rows.append(row) or quarantine.as_entry(row))

    with queries(slow_browser.services.database) as sent:
        assert slow_browser.post(**typed).status_code == 204

    of_entries = [statement for statement in sent if "FROM entries" in statement]
    assert (len(of_entries), len(rows)) == (asked, read)
