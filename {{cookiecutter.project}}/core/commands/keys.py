"""`manage.py rotate-keys`: bring everything that is kept under the first encryption key."""

from __future__ import annotations

from collections.abc import Mapping

import click

from core.command_line import python
from core.errors import CorruptValueError, UnreadableValueError
from core.services import Services, get_services
from core.settings import MAKE_A_KEY
from core.storage.database import compact
from core.storage.entry import Entry
from core.storage.envelope import Envelope

_ROUNDS = 20


class Rotation:
    """Renews one entry after another, and counts."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self.stale = 0
        """Number of values that are not under the newest key; those edited at the same moment are counted again."""
        self.left: dict[tuple[str, str], str] = {}
        """Values that could not be opened, and why. They stay as they are."""
        self.damaged: dict[tuple[str, str], str] = {}
        """Damaged values. Each is quarantined when its session is opened next."""

    def __call__(self, entry: Entry) -> Entry:
        try:
            renewed = self._envelope.renew(entry)
        except CorruptValueError as error:
            self.damaged[entry.session_id, entry.path] = str(error)
            return entry
        except UnreadableValueError as error:
            self.left[entry.session_id, entry.path] = str(error)
            return entry
        self.stale += renewed is not entry
        return renewed


@click.command("rotate-keys")
def rotate_keys() -> None:
    """Encrypt all stored values under the first key.

    That is the first of SESSION_ENCRYPTION_KEYS. Put the new key in front, keep the old ones behind it, and restart
    every server. The journal is flushed into the database. May be interrupted and repeated, and the app may run
    meanwhile.
    """
    services = get_services()
    if not services.envelope.encrypts:
        raise click.ClickException(
            f"SESSION_ENCRYPTION_KEYS is empty, so nothing is encrypted. Set it to the output of: {MAKE_A_KEY}"
        )
    rotation, total = Rotation(services.envelope), 0
    for _ in range(_ROUNDS):
        rotation.stale, rotation.left, rotation.damaged = 0, {}, {}
        services.engine.flush()  # what waits in the journal is brought under the key in the database
        total += services.store.rewrite(rotation)
        if not rotation.stale:
            break
    else:
        raise click.ClickException(
            f"Encrypted {total:,} values, but others keep coming under another key. "
            "Restart every server with the new key in front, and repeat this."
        )
    _compact(services)
    click.echo(f"Encrypted {total:,} {'value' if total == 1 else 'values'} under the first key.")
    aside = sum(not _is_current(services.envelope, aside.entry) for aside in services.engine.quarantined())
    if aside:
        click.echo(
            f"{aside} damaged {'value is' if aside == 1 else 'values are'} in quarantine and can't be encrypted. "
            f"See: {python('manage.py quarantine list')}; remove them with: {python('manage.py quarantine discard')}"
        )
    if rotation.damaged:
        _name(rotation.damaged)
        click.echo(
            f"{len(rotation.damaged):,} damaged values can't be encrypted, and no key helps them. "
            "Each goes into quarantine when its session is opened next."
        )
    if rotation.left:
        _name(rotation.left)
        raise click.ClickException(
            f"{len(rotation.left):,} values can't be opened and were left as they are. Keep the old keys for them."
        )
    click.echo("The other keys can be removed once every server runs with this first key.")


def _name(values: Mapping[tuple[str, str], str]) -> None:
    for (session_id, path), reason in list(values.items())[:20]:
        click.echo(f"  {_printable(session_id)} {_printable(path)}: {_printable(reason)}")


def _compact(services: Services) -> None:
    click.echo("Removing what is left of the old values in the files …")
    compact(services.database)
    if services.journal is not None:
        services.journal.compact()


def _is_current(envelope: Envelope, entry: Entry) -> bool:
    try:
        return envelope.is_current(entry)
    except CorruptValueError:
        return False


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()
