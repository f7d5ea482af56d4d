"""The project as a test has it: its services over an empty database, and people with browsers of their own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy.orm import Session

from core.accounts import User
from core.accounts.setup import create_roles
from core.clock import FakeClock
from core.discovery import PageSpec, discover
from core.pages import roles_of_apps
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from core.testing.page import Page
from core.web.token import new_token, token_hash


class TestApp:
    """The project under test."""

    __test__ = False  # pytest collects classes of such a name

    def __init__(self, services: Services, clock: FakeClock) -> None:
        self.services, self.clock = services, clock

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[TestApp]:
        """Build the project's services with all data below `folder`, and put them in place of the process's own."""
        settings = Settings(  # type: ignore[call-arg]
            _env_file=None,
            auth="password",
            secret_key=SecretStr(secrets.token_hex(32)),
            database_url=f"sqlite:///{folder / 'sessions.db'}",
            journal_path=folder / "journal.db",
            files_url=str(folder / "files"),
        )
        clock = FakeClock()
        services = build_services(settings, clock)
        specs = discover()
        with services.database.begin() as connection:
            connection.exec_driver_sql("BEGIN")  # or SQLite writes to the disk after each table
            Base.metadata.create_all(connection)
        create_roles(services.accounts, roles_of_apps(specs))
        with use_services(services):
            yield cls(services, clock)

    @property
    def pages(self) -> list[PageSpec]:
        """All pages of the project, in the order of the navigation."""
        return discover()

    def sign_in(self, *permissions: str, role: str | None = None) -> Person:
        """Create a person with these permissions, or with a role of the project, and sign in a browser of theirs."""
        accounts = self.services.accounts
        name = secrets.token_hex(4)
        if permissions:
            accounts.roles.save(f"role-{name}", list(permissions))
        roles = [*([f"role-{name}"] if permissions else []), *([role] if role else [])]
        user = accounts.users.create(f"user-{name}", "Ada Lovelace", roles=roles)
        secret = self.services.settings.secret_key.get_secret_value()
        before, token = new_token(secret), new_token(secret)
        ticket = accounts.tokens.issue_ticket(token_hash(before), user.user_id)
        if not accounts.tokens.redeem(ticket, token_hash(before), token_hash(token), "a test"):
            raise AssertionError("The sign-in was refused.")
        return Person(self, user, token)

    def stranger(self) -> Person:
        """Return somebody who has not signed in."""
        return Person(self, None, new_token(self.services.settings.secret_key.get_secret_value()))

    @contextmanager
    def database(self) -> Iterator[Session]:
        """Open a transaction of the database; it is committed at the end of the block."""
        with Session(self.services.database) as session, session.begin():
            yield session


@dataclass(frozen=True)
class Person:
    """A person with a browser. `user` is None for one who is not signed in."""

    app: TestApp
    user: User | None
    token: str

    def open(self, page: str, **params: str) -> Page:
        """Open a page by its name (`intake`, `intake-submitted`) in a new tab."""
        return Page({self.app.services.settings.cookie_name: self.token}, page, params)
