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
    accounts.roles.save("boss", ["*"])
    ada = replace(ADA, user_id=accounts.users.create("ada", "Ada", roles=["boss"]).user_id)
    accounts.roles.save("desk", ["orders.use"], by=ada)
    user = accounts.users.create("Grace", "Grace", roles=["desk"], by=ada)
    accounts.users.set_active(user.user_id, False, by=ada)
    accounts.users.describe(user.user_id, name="Grace", email="grace@example.org", by=ada)
    accounts.users.describe(user.user_id, name=" Grace ", email="grace@example.org", by=ada)
    lines = accounts.audit.find(limit=4)
    assert [line.event for line in lines] == ["person.described", "person.locked_out", "person.added", "role.saved"]
    assert lines[0].detail == "e-mail"
    assert {(line.actor_id, line.address, line.device) for line in lines} == {
        (ada.user_id, "192.0.2.7", "Firefox on Linux")
    }
    assert {line.subject for line in accounts.audit.find(person=user.user_id)} == {f"person:{user.user_id}"}
    with pytest.raises(AccountError):
        accounts.users.set_roles(user.user_id, ["nobody"], by=ada)
    assert accounts.audit.find(limit=4) == lines, "what did not happen is not told, nor what changed nothing"


def test_it_is_read_page_by_page(services: Services) -> None:
    for number in range(7):
        services.accounts.audit.note("refused", by=ADA, detail=str(number))
    first = services.accounts.audit.find(limit=3)
    rest = services.accounts.audit.find(limit=10, before=first[-1].number)
    assert [line.detail for line in [*first, *rest]] == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET event = 'x'", "DELETE FROM audit"])
def test_no_line_is_changed_or_removed(services: Services, statement: str) -> None:
    services.accounts.audit.note("refused", by=ADA)
    with pytest.raises(DBAPIError, match="only grows"), services.database.begin() as connection:
        connection.execute(text(statement))
    assert len(services.accounts.audit.find()) == 1
