"""The real server and pages without a browser: an open page goes when its right ends, though nobody touches it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from core.web.token import new_token, token_hash
from tests.engine import HERE
from tests.engine.office import Office
from tests.lab.page import Page

pytestmark = pytest.mark.xdist_group("servers")

ROTATION = "keep_token_rotation"


def handed_over(page: Page) -> bool | None:
    """Whether what the page handed over to leaves nothing; None if it was cut off before its run had come to that."""
    told = page.wait_for_component_or_cut(ROTATION)
    return None if told is None else told["clear"]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office.opened(tmp_path_factory.mktemp("office"), app=HERE / "with_diary.py") as office:
        yield office


def test_requests_of_browsers_without_a_cookie_leave_no_row(office: Office) -> None:
    before = office.rows()
    for _ in range(300):
        Page.new_cookie(office.server.port)
    with Page(office.server.port):
        assert office.rows() == before


def test_however_a_right_ends_its_open_page_is_taken_away(office: Office) -> None:
    accounts = office.accounts
    people = {name: office.person() for name in ("revoked", "elsewhere", "locked", "rights", "expired", "good")}
    tokens = {name: office.sign_in(person) for name, person in people.items()}
    tokens["anonymous"] = new_token(office.secret)
    with ExitStack() as stack:
        pages = {name: stack.enter_context(closing(office.open(token))) for name, token in tokens.items()}
        accounts.tokens.revoke(token_hash(tokens["revoked"]))
        accounts.tokens.revoke(token_hash(tokens["anonymous"]))
        elsewhere = office.sign_in(people["elsewhere"])
        accounts.browsers.revoke_session(office.session(people["elsewhere"]), keep=token_hash(elsewhere))
        accounts.users.set_active(people["locked"], False)
        accounts.users.set_roles(people["rights"], [])
        office.expire(tokens["expired"])
        for name in ("revoked", "anonymous", "elsewhere", "locked", "expired"):
            assert handed_over(pages[name]) in (True, None), name
        assert handed_over(pages["rights"]) in (False, None)
        # These pages don't do what the token rotation tells them, or are told too late. So they are cut off.
        for name in tokens.keys() - {"good"}:
            assert pages[name].wait_for_end() == 1008, name
        pages["good"].wait_for_runs(1)
        with office.open(tokens["good"]) as again:  # the server is still there, and so is she
            assert "keep_token_rotation" not in again.components


def test_what_is_entered_after_the_end_is_stored_nowhere(office: Office) -> None:
    person = office.person()
    token = office.sign_in(person)
    with office.open(token, "diary") as page:
        page.commit("diary.name", "before the end")
        page.wait_for_runs(2)
        office.accounts.tokens.revoke(token_hash(token), event="sign_out")
        page.commit("diary.name", "after the end")
        handed_over(page)
    assert office.services.engine.open(office.session(person)).form("diary").values["name"] == "before the end"
    with office.open(office.sign_in(office.person()), "diary") as next_person:
        assert next_person.fields["diary.name"] == ""
