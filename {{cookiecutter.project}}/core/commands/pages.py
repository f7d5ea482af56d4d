"""The checks of `doctor` for the project's pages."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from core.commands.finding import Finding
from core.discovery import PageSpec, discover
from core.pages import open_to_everybody


def of_apps(*packages: str) -> Iterator[Finding]:
    """One finding for each that is broken, and one for those that are open to everybody."""
    subject, specs = "pages", discover_quietly(*packages)
    broken = [(spec, spec.fault) for spec in specs if spec.fault is not None]
    for spec, fault in broken:
        fix = f"Mend {fault.file}. The others go on working meanwhile."
        says = f"/{spec.name} is broken: {fault.file}, line {fault.line}: {fault.summary}"
        yield Finding(subject=subject, says=says, fix=fix)
    if names := open_to_everybody(specs):
        says = f"{', '.join(names)}: no @requires, so open to everybody who is let in"
        yield Finding(subject=subject, says=says)
    elif not broken:
        yield Finding(subject=subject, says=f"{len(specs)}, none of them broken")


def discover_quietly(*packages: str) -> list[PageSpec]:
    """`discover`, without the warnings of Streamlit that there is no server."""
    logging.disable(logging.WARNING)
    try:
        return discover(*packages)
    finally:
        logging.disable(logging.NOTSET)
