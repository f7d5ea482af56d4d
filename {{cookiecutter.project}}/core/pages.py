"""What is to be known of the pages before anybody opens one: which are broken, and which are open to everybody."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from core.discovery import HOME, PACKAGE, PageSpec, discover

log = structlog.get_logger(__name__)


def load_pages(package: str = PACKAGE) -> None:
    """Import every page, as the server does at its start, and write into the log what is broken or open."""
    specs = discover(package)
    for spec in specs:
        if spec.fault is not None:
            found = spec.fault
            log.error("an app is broken", page=spec.name, file=found.file, line=found.line, error=found.summary)
    if names := open_to_everybody(specs):
        log.info("pages without @requires are open to everybody who is let in", pages=names)


def open_to_everybody(specs: Iterable[PageSpec]) -> list[str]:
    """The names of the pages that ask for no permission, but for those of the app `home`, which are for everybody."""
    return [spec.name for spec in specs if not spec.permissions and spec.fault is None and spec.app != HOME]
