"""The audit trail: every change of who may do what is in it, together with the change, and it only grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.accounts import Actor
from core.errors import AccountError
from core.services import Services, build_services
from core.settings import Settings
from core.storage.migrate import upgrade

ADA = Actor(user_id="ada", address="192.0.2.7", device="Firefox on Linux")


@pytest.fixture
def services(make_settings: Callable[..., Settings], database_url: str) -> Iterator[Services]:
    services = build_services(make_settings(database_url=database_url))
    upgrade(services.database)
    yield services
    services.accounts.close()
    services.engine.close()


def test_a_change_and_its_line_are_one(services: Services) -> None:
    accounts = services.accounts
    accounts.save_role("boss", ["*"])
    ada = replace(ADA, user_id=accounts.create_user("ada", "Ada", roles=["boss"]).user_id)
    accounts.save_role("desk", ["intake.use"], by=ada)
    user = accounts.create_user("Grace", "Grace", roles=["desk"], by=ada)
    accounts.set_active(user.user_id, False, by=ada)
    accounts.describe(user.user_id, name="Grace", email="grace@example.org", by=ada)
    accounts.describe(user.user_id, name=" Grace ", email="grace@example.org", by=ada)
    lines = accounts.trail(limit=4)
    assert [line.event for line in lines] == ["person.described", "person.locked_out", "person.added", "role.saved"]
    assert lines[0].detail == "e-mail"
    assert {(line.actor_id, line.address, line.device) for line in lines} == {
        (ada.user_id, "192.0.2.7", "Firefox on Linux")
    }
    assert {line.subject for line in accounts.trail(person=user.user_id)} == {f"person:{user.user_id}"}
    with pytest.raises(AccountError):
        accounts.set_roles(user.user_id, ["nobody"], by=ada)
    assert accounts.trail(limit=4) == lines, "what did not happen is not told, nor what changed nothing"


def test_it_is_read_page_by_page(services: Services) -> None:
    for number in range(7):
        services.accounts.note("refused", by=ADA, detail=str(number))
    first = services.accounts.trail(limit=3)
    rest = services.accounts.trail(limit=10, before=first[-1].number)
    assert [line.detail for line in [*first, *rest]] == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET event = 'x'", "DELETE FROM audit"])
def test_no_line_is_changed_or_removed(services: Services, statement: str) -> None:
    services.accounts.note("refused", by=ADA)
    with pytest.raises(DBAPIError, match="only grows"), services.database.begin() as connection:
        connection.execute(text(statement))
    assert len(services.accounts.trail()) == 1
