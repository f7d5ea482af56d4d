"""The model of a request, and the table of those that were submitted."""

from __future__ import annotations

import secrets
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal, get_args

import pandas as pd
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator
from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import FileRef, db, get_current_session, ui

FORM = "intake"

Site = Literal["Harbour", "Northside", "Old Mill", "Riverbank"]
Kind = Literal["New equipment", "Repair", "Move", "Service"]
Category = Literal["Laptop", "Monitor", "Lab instrument", "Furniture", "Network", "Software"]
Extra = Literal["Docking station", "Headset", "Training", "Extended warranty", "On-site setup"]
Impact = Literal["Nobody waits", "A colleague waits", "A team waits", "Work has stopped"]
Urgency = Literal["When it suits", "This month", "This week", "Today"]

# The same as the options of widgets.
SITES: list[str] = [*get_args(Site)]
KINDS: list[str] = [*get_args(Kind)]
CATEGORIES: list[str] = [*get_args(Category)]
EXTRAS: list[str] = [*get_args(Extra)]
IMPACTS: list[str] = [*get_args(Impact)]
URGENCIES: list[str] = [*get_args(Urgency)]

EQUIPMENT: Kind = "New equipment"
ONLY_FOR_EQUIPMENT = {"items", "extras", "budget", "tag"}
BLANK_ITEMS = pd.DataFrame(None, range(3), ["what", "how_many", "price"]).astype(
    {"what": "string", "how_many": "Int64", "price": float}
)
"""The table a person begins with: three empty rows. What they do to it is what the field `items` keeps."""


def asked(answers: dict[str, Any]) -> dict[str, Any]:
    """The answers without those that are asked only about new equipment, where it is about something else."""
    about_equipment = answers.get("kind") == EQUIPMENT
    return {name: value for name, value in answers.items() if about_equipment or name not in ONLY_FOR_EQUIPMENT}


def _email(text: str) -> str:
    if text and not all(text.partition("@")):
        raise ValueError("Enter an address such as name@example.org.")
    return text


class Contact(BaseModel):
    name: str
    email: Annotated[str, AfterValidator(_email)] = ""
    site: Site
    notify: bool = False


class Item(BaseModel):
    what: str = Field(min_length=1, max_length=100)
    how_many: int = Field(ge=1, le=100)
    price: float = Field(ge=0)

    def __str__(self) -> str:
        return f"{self.how_many} × {self.what}, {self.price:,.2f} € each"


class Enclosed(BaseModel):
    """The items and attachments of a request."""

    items: Annotated[list[Item], BeforeValidator(ui.edited_rows(BLANK_ITEMS)), Field(max_length=20)] = []
    attachments: list[FileRef] = Field([], max_length=5)


class Need(Enclosed):
    kind: Kind
    category: Category
    quantity: int = Field(1, ge=1, le=100)
    reason: str = Field(min_length=5)
    extras: list[Extra] = []
    budget: tuple[int, int] | None = None
    tag: str = ""

    _asked = model_validator(mode="before")(asked)


class Schedule(BaseModel):
    needed_by: date | None = None
    reach_at: time | None = None
    urgency: Urgency
    impact: Impact
    agreed: Literal[True]
    last_time: int | None = None


class Request(Schedule, Need, Contact):
    """All that is asked for, step by step."""


class RequestRow(db.Base):
    """A submitted request. What the charts and lists ask for has columns; the rest is in `more`, as JSON."""

    __tablename__ = "requests"

    number: Mapped[str] = mapped_column(String(16), primary_key=True)
    session_id: Mapped[str] = mapped_column(Text, index=True)
    """The session of the person who submitted it."""
    at: Mapped[datetime] = mapped_column(index=True)
    site: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    urgency: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    more: Mapped[str] = mapped_column(Text)

    @property
    def enclosed(self) -> Enclosed:
        return Enclosed.model_validate_json(self.more)

    @property
    def holder(self) -> str:
        """The name under which it keeps its attachments: they stay when the form that referred to them is emptied."""
        return f"requests:{self.number}"


def submit(database: Session, request: Request) -> str:
    """Write a request, in the transaction that saves its form. Returns its number."""
    row = RequestRow(
        number=f"R-{secrets.token_hex(4).upper()}",
        session_id=get_current_session().session_id,
        at=datetime.now(UTC),
        **request.model_dump(include={"site", "kind", "category", "urgency", "reason"}),
        more=request.model_dump_json(exclude={"site", "kind", "category", "urgency", "reason"}),
    )
    database.add(row)
    db.claim_files(database, request.attachments, row.holder)
    return row.number
