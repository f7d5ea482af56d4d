"""`manage.py roles`: see, make, change and delete roles."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from typing import TextIO

import click
from pydantic import BaseModel, TypeAdapter, ValidationError

from core.accounts import Role
from core.accounts.setup import declared_roles
from core.command_line import python
from core.commands.discovered import discover_quietly
from core.errors import AccountError
from core.pages import required_permissions, roles_of_apps, unknown_permissions
from core.services import get_services
from core.wildcards import matches


class _Described(BaseModel, extra="forbid"):
    permissions: list[str]
    description: str = ""


_ROLES = TypeAdapter(dict[str, _Described])


@click.group()
def roles() -> None:
    """See, make, change and delete roles."""


@roles.command("list")
def list_roles() -> None:
    """Show every role with its permissions and how many people have it."""
    accounts = get_services().accounts
    found = accounts.roles.all()
    for role in found:
        people = role.holders
        click.echo(f"{role.role} ({people} {'person' if people == 1 else 'people'}): {' '.join(role.permissions)}")
        if role.description:
            click.echo(f"    {role.description}")
    for warning in [*misspelt(found), *lacking(found)]:
        click.echo(warning)


@roles.command("save")
@click.argument("role")
@click.argument("permissions", nargs=-1)
@click.option("--description", help="What the role is for; the one it has if not given.")
def save_role(role: str, permissions: tuple[str, ...], description: str | None) -> None:
    """Make a role, or change one. It has exactly these PERMISSIONS then.

    A permission is written like orders.use; 'orders.*' gives all of one app, in quotes because of the shell.
    """
    accounts = get_services().accounts
    before = {each.role: each for each in accounts.roles.all()}
    if description is None:
        description = before[role].description if role in before else ""
    accounts.roles.save(role, permissions, description)
    click.echo(f"{'Changed' if role in before else 'Made'} {role}: {' '.join(permissions) or 'no permission'}.")
    for warning in misspelt([Role(role=role, description="", permissions=permissions)]):
        click.echo(warning)


@roles.command("delete")
@click.argument("role")
def delete_role(role: str) -> None:
    """Delete a role. Whoever has it loses it, and what it gives them, at once."""
    accounts = get_services().accounts
    if role not in {each.role for each in accounts.roles.all()}:
        raise AccountError(f"There is no role {role!r}.")
    accounts.roles.delete(role)
    click.echo(f"Deleted {role}.")


@roles.command("export")
def export_roles() -> None:
    """Print all roles as JSON, for `roles import`."""
    found = get_services().accounts.roles.all()
    described = {role.role: {"permissions": role.permissions, "description": role.description} for role in found}
    click.echo(json.dumps(described, indent=2, ensure_ascii=False))


@roles.command("import")
@click.argument("file", type=click.File(encoding="utf-8"))
def import_roles(file: TextIO) -> None:
    """Make and change roles as in an exported FILE.

    It is - for standard input. Roles that it doesn't name stay as they are.
    """
    try:
        described = _ROLES.validate_json(file.read())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise click.ClickException(f"This is no export of roles: {first['msg']}.") from error
    for name, role in described.items():
        get_services().accounts.roles.save(name, role.permissions, role.description)
        click.echo(f"Saved {name}: {' '.join(role.permissions) or 'no permission'}.")


def misspelt(found: Iterable[Role]) -> list[str]:
    """Return one sentence for each permission of these roles that nothing requires."""
    specs = discover_quietly()
    required, apps = required_permissions(specs), {spec.app_name for spec in specs}
    return [
        f"{role.role}: no page or action requires {permission}." + (f" Did you mean {closest}?" if closest else "")
        for role in found
        for permission, closest in unknown_permissions(role.permissions, required, apps).items()
    ]


def lacking(found: Iterable[Role]) -> list[str]:
    """Return one sentence for each role without a permission that the code declares of it: somebody took that away."""
    declared = declared_roles(roles_of_apps(discover_quietly()))
    sentences = []
    for role in found:
        missing = [each for each in declared.get(role.role, ()) if not matches(role.permissions, each)]
        if missing:
            everything = " ".join(map(shlex.quote, [role.role, *role.permissions, *missing]))
            sentences.append(
                f"{role.role}: lacks {', '.join(missing)}, which the code declares. "
                f"To grant it, run: {python(f'manage.py roles save {everything}')}"
            )
    return sentences
