"""The real server with accounts, and beside it another process with the same database: so a replica would be."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from core.accounts.setup import seed_administrator
from core.services import Services, build_services
from core.settings import Settings
from core.storage.models import Base, TokenModel
from core.storage.replicas import Replicas
from core.web.token import new_token, token_hash
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.page import Page
from tests.lab.server import Server
from tests.lab.waiting import wait_until


class Office:
    """A server, people of it, and their browsers."""

    def __init__(self, services: Services, server: Server, settings: Mapping[str, Any]) -> None:
        self.services, self.accounts, self.server, self.settings = services, services.accounts, server, settings
        self.secret = services.settings.secret_key.get_secret_value()

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, *, app: str | Path = "app.py", **changes: Any) -> Iterator[Office]:
        """Open one; `changes` are those of its settings."""
        with Laboratory(Setup.SQLITE, folder) as laboratory, laboratory.bench() as bench, ExitStack() as stack:
            settings = bench.settings(**changes)
            services = build_services(Settings(_env_file=None, **settings))  # type: ignore[call-arg]
            stack.callback(services.engine.close)
            seed_administrator(services.accounts, None)
            services.accounts.roles.save("member", ["home.*", "desk.hand_in"])
            server = stack.enter_context(closing(Server(settings, folder / "server.log", app=app)))
            replicas = Replicas(services.database, services.clock, "beside it")
            wait_until(lambda: bool(replicas.running()), "the server has noted itself")  # from now on it adds no row
            yield cls(services, server, settings)

    def person(self, *roles: str) -> str:
        """Make somebody, a member by default; returns their id."""
        return self.accounts.users.create(secrets.token_hex(4), "Ada", roles=roles or ["member"]).user_id

    def session(self, user_id: str) -> str:
        user = self.accounts.users.get(user_id)
        assert user is not None
        return user.session_id

    def sign_in(self, user_id: str, before: str | None = None) -> str:
        """Sign a browser in: a new one, or the one with the token `before`. Returns its token."""
        before, token = before or new_token(self.secret), new_token(self.secret)
        ticket = self.accounts.tokens.issue_ticket(token_hash(before), user_id)
        assert self.accounts.tokens.redeem(ticket, token_hash(before), token_hash(token), "Firefox on Linux")
        return token

    def expire(self, token: str) -> None:
        """Let its time be over."""
        with self.services.database.begin() as connection:
            over = self.services.clock.now() - timedelta(seconds=1)
            hers = TokenModel.token_hash == token_hash(token)
            connection.execute(update(TokenModel).where(hers).values(expires_at=over))

    def cookie(self, token: str) -> str:
        return f"{self.services.settings.cookie_name}={token}"

    def open(self, token: str, page: str = "") -> Page:
        return Page(self.server.port, self.cookie(token), page)

    def rows(self) -> dict[str, int]:
        """How many rows each table has, those that say who may do what left out."""
        with self.services.database.connect() as connection:
            return {
                name: connection.scalar(select(func.count()).select_from(table)) or 0
                for name, table in Base.metadata.tables.items()
                if name not in ("roles", "leases")
            }
