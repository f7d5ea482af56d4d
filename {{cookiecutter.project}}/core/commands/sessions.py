"""`manage.py sessions`: list the sessions, and sign their browsers out."""

from __future__ import annotations

import click

from core.command_line import python
from core.errors import AccountError
from core.services import Services, get_services


@click.group()
def sessions() -> None:
    """List and revoke sessions."""


@sessions.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
def list_sessions(limit: int) -> None:
    """Show sessions, the latest activity first. Times are UTC."""
    services = get_services()
    names = {user.session_id: user.username for user in services.accounts.users.all()}
    headers = services.store.headers(limit=limit)
    if not headers:
        click.echo("There are no sessions yet.")
        return
    now = services.clock.now()
    click.echo(f"{'SESSION':<50} {'PERSON':<20} {'LAST ACTIVITY':<17} {'EXPIRES':<17} BROWSERS")
    for header in headers:
        tokens = services.accounts.browsers.of_session(header.session_id)
        live = [token.device for token in tokens if token.revoked_at is None and token.expires_at > now]
        click.echo(
            f"{header.session_id:<50} {names.get(header.session_id, '-'):<20} "
            f"{header.last_activity:%Y-%m-%d %H:%M}  {header.expires_at:%Y-%m-%d %H:%M}  {', '.join(live) or '-'}"
        )
    total = services.store.count()
    if total > len(headers):
        click.echo(f"{len(headers)} of {total}; see more with --limit.")


@sessions.command()
@click.argument("who")
def revoke(who: str) -> None:
    """Sign every browser out of a session. WHO is a session id or a username; what was written is kept."""
    services = get_services()
    ended = services.accounts.browsers.revoke_session(_session_id(services, who))
    click.echo(f"Signed out {ended} {'browser' if ended == 1 else 'browsers'}.")


def _session_id(services: Services, who: str) -> str:
    user = services.accounts.users.find(who)
    if user is not None:
        return user.session_id
    known = services.store.load(who)
    if not known.version and not services.accounts.browsers.of_session(who):
        raise AccountError(f"There is no session or user {who!r}. See: {python('manage.py sessions list')}")
    return who
