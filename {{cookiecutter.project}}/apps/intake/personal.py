"""Personal data in the requests: the export shows it, and deleting the person deletes it."""

from sqlalchemy import ScalarResult, inspect, select
from sqlalchemy.orm import Session

from apps.intake.requests import RequestRow
from core import Person, db


def held(database: Session, person: Person) -> list[dict[str, object]]:
    """All their requests. The attachments are in the archive, because they are named here as what they are: files."""
    columns = [column.key for column in inspect(RequestRow).columns if column.key != "session_id"]
    return [
        {**{name: getattr(row, name) for name in columns}, "attachments": row.enclosed.attachments}
        for row in _requests(database, person)
    ]


def erase(database: Session, person: Person) -> None:
    """Delete their requests, and with them the attachments, unless somebody else refers to the same file.

    A team that must keep what was ordered would take the person out of it instead.
    """
    for row in _requests(database, person):
        db.release_files(database, row.holder)
        database.delete(row)


def _requests(database: Session, person: Person) -> ScalarResult[RequestRow]:
    return database.scalars(select(RequestRow).where(RequestRow.session_id.in_(person.session_ids)))
