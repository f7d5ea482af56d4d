"""`manage.py person`: what is held on somebody, given out or deleted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import click

from core.accounts import COMMAND_LINE, User
from core.errors import AccountError
from core.personal import erase_person, export_archive, export_json
from core.services import Services, get_services


@click.group()
def person() -> None:
    """Export what is held on a person, or delete them."""


@person.command()
@click.argument("username")
@click.argument("output", type=click.Path(path_type=Path))
def export(username: str, output: Path) -> None:
    """Write all that is held on a person into a new file.

    That is JSON, or an archive with their files if OUTPUT ends in .zip.
    """
    services = get_services()
    user = _existing(services, username)
    try:
        with _new_private_file(output) as file:
            if output.suffix == ".zip":
                export_archive(services, user, file, by=COMMAND_LINE)
            else:
                file.write(export_json(services, user, by=COMMAND_LINE))
    except FileExistsError as error:
        raise click.ClickException(f"{output} exists already. Name a new file.") from error
    click.echo(f"Wrote {output}, readable by its owner only.")


@person.command()
@click.argument("username")
@click.option("--yes", is_flag=True, help="Don't ask.")
def delete(username: str, yes: bool) -> None:
    """Delete a person and all that is held on them, for good."""
    services = get_services()
    user = _existing(services, username)
    if not yes and click.prompt(f"Type {user.username} to delete {user.name} for good") != user.username:
        raise click.ClickException("That is another name. Nothing was deleted.")
    put_off = erase_person(services, user, by=COMMAND_LINE).remove()
    click.echo(f"Deleted {user.username}.")
    for what in put_off:
        click.echo(f"Still on a disk, and unreachable: {what}")


def _existing(services: Services, username: str) -> User:
    user = services.accounts.users.find(username)
    if user is None:
        raise AccountError(f"There is no user {username!r}.")
    return user


def _new_private_file(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
