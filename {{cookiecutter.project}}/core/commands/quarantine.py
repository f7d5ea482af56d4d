"""`manage.py quarantine`: entries that were found damaged, in the database and in the journal."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

import click

from core.errors import CorruptValueError, UnreadableValueError
from core.services import Services, get_services
from core.storage.entry import Entry, Quarantined
from core.storage.envelope import Envelope


@click.group()
def quarantine() -> None:
    """List, export and discard damaged entries."""


@quarantine.command("list")
def list_quarantined() -> None:
    """Show what is in quarantine, with the reason. Times are UTC."""
    found = list(_all(get_services()))
    if not found:
        click.echo("The quarantine is empty.")
        return
    for place, aside in found:
        click.echo(f"{aside.at:%Y-%m-%d %H:%M}  {place:<8}  {describe(aside)}")


@quarantine.command()
@click.option("--output", type=click.Path(path_type=Path), help="A new file, readable by its owner only.")
def export(output: Path | None) -> None:
    """Write the quarantine as JSON lines.

    Each value stands there as it was found and, where it can be opened, in plain text.
    """
    services = get_services()
    try:
        target = nullcontext() if output is None else _new_private_file(output)
    except FileExistsError as error:
        raise click.ClickException(f"{output} exists already. Name a new file.") from error
    count = 0
    with target as file:
        for place, aside in _all(services):
            click.echo(json.dumps(_record(place, aside, services.envelope)), file=file)
            count += 1
    if output is not None:
        click.echo(f"Wrote {count} to {output}. It holds what people entered: keep it as private as the database.")


@quarantine.command()
@click.option("--yes", is_flag=True, help="Don't ask.")
def discard(yes: bool) -> None:
    """Delete what is in quarantine, for good."""
    services = get_services()
    found = list(_all(services))
    if not yes:
        click.confirm(f"Delete {len(found)} for good? `quarantine export` writes them to a file first.", abort=True)
    for place, aside in found:
        if place == "database":
            services.store.forget(aside)
        elif services.journal is not None:
            services.journal.forget(aside)
    click.echo(f"Deleted {len(found)}.")


def describe(aside: Quarantined) -> str:
    """Return one line about it, also when its columns are damaged."""
    line = f"{aside.entry.session_id} {aside.entry.path}: {aside.reason}"
    return line.encode("ascii", "backslashreplace").decode().replace("\n", " ")


def _all(services: Services) -> Iterator[tuple[str, Quarantined]]:
    if services.journal is not None:
        yield from (("journal", aside) for aside in services.journal.quarantined())
    yield from (("database", aside) for aside in services.store.quarantined())


def _record(place: str, aside: Quarantined, envelope: Envelope) -> dict[str, Any]:
    entry = aside.entry
    record = {
        "place": place,
        "session_id": entry.session_id,
        "path": entry.path,
        "stamp": entry.stamp,
        "base": entry.base,
        "at": aside.at.isoformat(),
        "reason": aside.reason,
        "sealed": entry.value,
    }
    return {**record, **_opened(entry, envelope)}


def _opened(entry: Entry, envelope: Envelope) -> dict[str, Any]:
    """Return the value as JSON of `core.codec`, nothing where it can't be opened."""
    try:
        value = envelope.open(entry).value
    except (CorruptValueError, UnreadableValueError):
        return {}
    return {"plain": None if value is None else json.loads(value)}


def _new_private_file(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii")
