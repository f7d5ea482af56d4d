"""Fetches axe-core, which finds what people with disabilities can't use on a page, and asks it about a page."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support.programs import MissingProgramError, apt_install

VERSION = "4.14.1"
SERIOUS = ("serious", "critical")
STREAMLITS_OWN = {"list": "stSidebarNavItems", "listitem": "<li"}
"""Rules that Streamlit's own navigation breaks, by what its elements have in them: its sections are no list items."""
_RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations.map(
    ({id, impact, help, nodes}) => ({id, impact, help, places: nodes.map((node) => node.html.slice(0, 300))})
)"""


def fetch_axe(folder: Path) -> str:
    """Return the code of axe-core. It is fetched from the npm registry into a folder, once; npm checks what it gets."""
    package = folder / f"axe-core-{VERSION}.tgz"
    if not package.exists():
        if not shutil.which("npm") and not apt_install("npm"):
            raise MissingProgramError("The accessibility tests fetch axe-core with npm. Install npm.")
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--silent", f"axe-core@{VERSION}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(package) as archive:
        code = archive.extractfile("package/axe.min.js")
        assert code is not None
        return code.read().decode()


def findings(page: Page, axe: str) -> list[dict[str, Any]]:
    """Return what is seriously or critically wrong with a page: the rule, and the elements that break it."""
    page.evaluate(f"{axe}; undefined")
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    for each in found:
        known = STREAMLITS_OWN.get(each["id"])
        each["places"] = [place for place in each["places"] if known is None or known not in place]
    return [each for each in found if each["impact"] in SERIOUS and each["places"]]
