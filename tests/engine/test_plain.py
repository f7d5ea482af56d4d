"""What people and other programs write reads on every page as they wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts.setup import seed_administrator
from core.discovery import discover
from core.services import Services
from core.ui import plain
from tests.engine.conftest import signed_in


@pytest.mark.parametrize(
    "text", ["**x** :red[r]", "[a](http://b.c)", "HTTPS://b.c/d", "see www.b.c", "ada@b.c", "<b>x</b>", "![p](q)"]
)
def test_nothing_in_a_text_is_formatting_or_a_link(text: str) -> None:
    shown = re.sub(r"\\(.)", r"\1", plain(text))

    assert re.search(r"(?<!\\)[*:\[\]()<>!.]", plain(text)) is None
    assert re.search(r"https?://|www\.|\w@\w", shown, re.IGNORECASE) is None, "would be shown as a link"
    assert shown.replace("\u2060", "") == text


EVIL = "**b** :red[r] $x$ <b>h</b> [l](http://e.x)"
FORMATTED = ("label", "help", "body", "title", "caption")
"""The fields of what Streamlit shows in which it takes text for formatting."""
AS_IT_IS = ("text", "code", "html")
"""The elements of which that doesn't hold."""
SCRIPT = """
import streamlit as st
from core import bootstrap_session, get_session_manager, ui
from core.auth import require_sign_in
from core.router import Router

bootstrap_session()
manager = get_session_manager()
if page := st.session_state.pop("go", None):
    manager.navigate_to(page)
router = Router(manager)
require_sign_in(manager.identity)
ui.user_menu(manager)
router.run()
"""


def formatted(tab: AppTest) -> Iterator[str]:
    """All texts of a page in which Streamlit looks for formatting."""
    left = [tab.main, tab.sidebar]
    while left:
        node = left.pop()
        left += getattr(node, "children", {}).values()
        proto = node.proto
        if proto is None or node.type in AS_IT_IS:
            continue
        fields = [(proto, field) for field in FORMATTED if field in proto.DESCRIPTOR.fields_by_name]
        yield from (str(getattr(message, field)) for message, field in fields)


def test_whatever_somebody_is_called_no_page_takes_it_for_formatting(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = services.accounts
    seed_administrator(accounts, None)
    admin = signed_in(services, monkeypatch, "admin")
    accounts.users.describe(admin.user_id, name=EVIL, email=f"{EVIL}@e.x")
    accounts.users.create(EVIL, EVIL, email=EVIL, roles=["member"])
    accounts.roles.save("clerk", ["orders.*"], EVIL)
    accounts.invitations.invite(EVIL, ["member"])
    tab = AppTest.from_string(SCRIPT).run()
    for spec in discover():
        tab.session_state["go"] = spec.name
        tab.run()
        assert not tab.exception, spec.name
        assert [text for text in formatted(tab) if EVIL in text] == [], spec.name


@pytest.mark.usefixtures("as_one_person")
def test_a_name_in_an_error_is_no_formatting() -> None:
    def page() -> None:
        from core.apps.admin import common
        from core.auth.pages import card, show_refusal
        from core.errors import UsernameTakenError
        from core.language import words_for
        from core.ui.cards import not_done
        from tests.engine.test_plain import EVIL

        card(EVIL, "")
        with common.show_refusal():
            raise UsernameTakenError(EVIL)
        with show_refusal(words_for(), "sign_in.no_database"):
            raise UsernameTakenError(EVIL)
        not_done(UsernameTakenError(EVIL))

    tab = AppTest.from_function(page).run()
    assert len(tab.error) == 2
    assert [text for text in formatted(tab) if EVIL in text] == []
