"""The table of the app `diary` in `tests/apps`."""

from sqlalchemy import Column, MetaData, Table, Text

entries = Table(
    "diary",
    MetaData(),  # not the project's: no revision makes this table
    Column("number", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("attachments", Text, nullable=False),  # as JSON
)


def holder(number: str) -> str:
    """The name under which an entry keeps its attachments."""
    return f"diary:{number}"
