"""Says in one line what is wrong, instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from core.errors import KeepError, StoreUnavailableError
from core.services import close_services, get_services
from core.storage.database import reachable


@contextmanager
def in_one_line() -> Iterator[None]:
    """Turn what a command raises into a message for who typed it, and let go of all files."""
    try:
        with reachable():
            yield
    except StoreUnavailableError as error:
        from core.commands.doctor import database_remedy

        remedy = database_remedy(get_services().settings.resolved_database_url, error)
        raise click.ClickException(f"{error} {remedy}") from error
    except KeepError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        if error.filename is None:
            raise
        raise click.ClickException(f"{error.filename}: {error.strerror}.") from error
    finally:
        close_services()
