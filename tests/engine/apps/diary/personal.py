"""What the diaries hold on a person (see `core.personal.apps`)."""

import json

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.files import FileRef
from core.personal import Person
from core.services import get_services
from tests.engine.diary import entries, holder


def held(database: Session, person: Person) -> list[dict[str, object]]:
    rows = database.execute(select(entries).where(entries.c.session_id.in_(person.session_ids)))
    return [
        {"text": row.text, "attachments": [FileRef(**each) for each in json.loads(row.attachments)]} for row in rows
    ]


def erase(database: Session, person: Person) -> None:
    theirs = entries.c.session_id.in_(person.session_ids)
    for number in database.scalars(select(entries.c.number).where(theirs)).all():
        get_services().files.release(database.connection(), holder(number))
    database.execute(delete(entries).where(theirs))
