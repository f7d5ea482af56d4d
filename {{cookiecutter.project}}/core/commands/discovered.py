"""The pages of the project, for commands."""

from __future__ import annotations

import logging

from core.discovery import PageSpec, discover


def discover_quietly(*packages: str) -> list[PageSpec]:
    """Return what `discover` finds, without the warnings of Streamlit that there is no server."""
    logging.disable(logging.WARNING)
    try:
        return discover(*packages)
    finally:
        logging.disable(logging.NOTSET)
