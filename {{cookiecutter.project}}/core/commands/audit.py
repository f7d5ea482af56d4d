"""`manage.py audit`: who did what, when and from where."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from core.accounts import COMMAND_LINE, EVENTS, Accounts, Asked, Audited
from core.accounts.audit import Format
from core.errors import AccountError
from core.services import get_services


@click.command()
@click.option("--since", type=click.DateTime(), help="UTC, such as 2026-11-01 or '2026-11-01 13:00:00'.")
@click.option("--until", type=click.DateTime(), help="UTC; that moment is no part of it.")
@click.option("--person", help="Who did it or to whom it was done: username, part of the name, or id.")
@click.option("--event", "events", multiple=True, type=click.Choice(sorted(EVENTS)), help="May be given several times.")
@click.option("--address", help="The network address it came from.")
@click.option("--limit", type=click.IntRange(1), help="How many of the newest: 50, in a file all.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write a file: .csv or .json.")
def audit(
    since: datetime | None,
    until: datetime | None,
    person: str | None,
    events: tuple[str, ...],
    address: str | None,
    limit: int | None,
    output: Path | None,
) -> None:
    """Show the audit trail, the newest first. What is written to a file is noted in it."""
    accounts = get_services().accounts
    asked = Asked(events=events, address=address, since=_utc(since), until=_utc(until))
    if person is not None:
        asked["person"] = _who(accounts, person)
    if output is None:
        for line in accounts.audit.find(limit=limit or 50, **asked):
            click.echo(_told(line))
        return
    kinds: dict[str, Format] = {".csv": "csv", ".json": "json"}
    if output.suffix not in kinds:
        raise click.BadParameter(f"The file's name has to end with {' or '.join(kinds)}.", param_hint="--output")
    with output.open("w", encoding="utf-8", newline="") as file:
        file.writelines(accounts.audit.export(kinds[output.suffix], by=COMMAND_LINE, limit=limit, **asked))
    click.echo(f"Wrote {output}.")


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None else None


def _who(accounts: Accounts, text: str) -> str:
    """Return the id of the one person who is meant. An id of nobody may be that of somebody who was deleted."""
    if user := accounts.users.find(text):
        return user.user_id
    called = accounts.users.search(text, limit=10)
    if len(called) > 1:
        raise AccountError(
            f"Several are called that: {', '.join(user.username for user in called)}. Give one username."
        )
    if called:
        return called[0].user_id
    if len(text) != 32:
        raise AccountError(f"No one matches {text!r}. For a deleted person, give the ID.")
    return text


def _told(line: Audited) -> str:
    parts = [f"{line.at:%Y-%m-%d %H:%M:%S}", f"{line.event:<17}", line.actor or "-", line.subject_name or "-"]
    told = "  ".join([*parts, line.detail or "-", line.address or "-", line.device])
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in told)
