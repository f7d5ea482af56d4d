"""The pages of the administration speak the person's language, and so do the reasons why they refuse something."""

from __future__ import annotations

import re

import pytest

from core.accounts.setup import seed_administrator
from core.services import Services
from tests.engine.conftest import signed_in
from tests.engine.pages import open_page

ENGLISH = re.compile(r"\b(the|you|your|this|of|is|not|roles?|people|sign(ed)?|browsers|events?|all)\b", re.IGNORECASE)
PAGES = {"admin": "Einladen", "admin-roles": "Rolle", "admin-sessions": "Gerät", "admin-audit": "Ereignisse"}


@pytest.mark.parametrize("page", [*PAGES, "admin-health"])
def test_a_page_of_the_administration_is_german_for_who_chose_that(
    services: Services, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    seed_administrator(services.accounts, None)
    admin = signed_in(services, monkeypatch, "admin")
    services.accounts.invitations.invite("ada@example.org", [])
    services.engine.open(admin.session_id, admin.user_id).set_preference("language", "de")
    tab = open_page(page)
    assert not tab.exception
    texts = [each.value for kind in (tab.title, tab.caption, tab.markdown, tab.success, tab.warning) for each in kind]
    labels = [each.label for kind in (tab.button, tab.text_input, tab.selectbox, tab.multiselect) for each in kind]
    said = [re.sub(r"`[^`]*`|<[^>]*>", "", str(text)) for text in (*texts, *labels) if "<" not in str(text)]
    assert [text for text in said if ENGLISH.search(text)] == []
    if page in PAGES:
        assert any(PAGES[page] in text for text in said)


def test_why_a_change_is_refused_is_said_in_german(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    seed_administrator(services.accounts, None)
    admin = signed_in(services, monkeypatch, "admin")
    services.engine.open(admin.session_id, admin.user_id).set_preference("language", "de")
    tab = open_page("admin")
    tab.multiselect(key=f"roles-{admin.user_id}").set_value([]).run()
    assert "Niemand könnte dieses Projekt mehr verwalten" in tab.error[0].value
