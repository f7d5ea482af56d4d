"""Addresses of the app: where it is served, and which of them are pages."""

from __future__ import annotations

from starlette.types import Scope
from streamlit import config

from core.streamlit_compat.server import NOT_PAGES

_NOT_PAGES = ("keep/", *NOT_PAGES)
"""Beginnings of addresses that are no page."""


def base_path() -> str:
    """Return the path the app is served under, without slashes at its ends: Streamlit's `server.baseUrlPath`."""
    return str(config.get_option("server.baseUrlPath") or "").strip("/")


def folder(base_path: str) -> str:
    """Return such a path with a slash at both ends, or just one slash: what all addresses of the app begin with."""
    return f"/{base_path.strip('/')}/" if base_path.strip("/") else "/"


def app_folder() -> str:
    """Return what all addresses of this app begin with."""
    return folder(base_path())


def is_page(scope: Scope, base: str) -> bool:
    """Return True if an HTTP request below `base` asks for a page: not an asset, and not a route of Streamlit's."""
    path: str = scope["path"]
    inside = path.startswith(base) or f"{path}/" == base
    return scope["method"] == "GET" and inside and not path.removeprefix(base).startswith(_NOT_PAGES)
