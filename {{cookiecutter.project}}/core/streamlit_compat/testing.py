"""Stand-ins for the browser, for tests of pages without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.context import ContextProxy


@contextmanager
def browser_with(cookies: Mapping[str, str]) -> Iterator[None]:
    """Let runs within the block find these cookies."""
    with patch.object(ContextProxy, "cookies", property(lambda _context: dict(cookies))):
        yield


@contextmanager
def browsers_at(address: str) -> Iterator[None]:
    """Let all runs within the block come from an address, and search the installed packages for components once.

    Each `AppTest` would search them anew, which takes 0.2 s.
    """
    found = manifest_scanner.scan_component_manifests()
    with (
        patch.object(manifest_scanner, "scan_component_manifests", lambda: found),
        patch.object(ContextProxy, "ip_address", address),
    ):
        yield
