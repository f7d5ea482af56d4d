"""Which SECRET_KEY a database belongs to, so that one that was replaced is noticed."""

from __future__ import annotations

import hmac
from typing import Any

from sqlalchemy import Engine, select

from core.storage.database import upserting_insert
from core.storage.models import ProjectFactModel

_NAME = "secret key"


def fingerprint(secret: str) -> str:
    """Return what tells a secret from others, and nothing else of it."""
    return hmac.digest(secret.encode(), b"fingerprint", "sha256").hex()[:16]


def noted_fingerprint(database: Engine) -> str | None:
    """Return the fingerprint that was noted last, None before the first time."""
    with database.connect() as connection:
        return connection.scalar(select(ProjectFactModel.value).where(ProjectFactModel.name == _NAME))


def note_fingerprint(database: Engine, secret: str, *, anew: bool = False) -> None:
    """Note the fingerprint of the secret, where none is noted yet or `anew`."""
    statement: Any = upserting_insert(database)(ProjectFactModel).values(name=_NAME, value=fingerprint(secret))
    statement = (
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
        if anew
        else statement.on_conflict_do_nothing()
    )
    with database.begin() as connection:
        connection.execute(statement)
