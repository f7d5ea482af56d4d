"""Reads the commands out of a document, so that a test can run each."""

from __future__ import annotations

import re
from pathlib import Path


def commands(document: Path) -> list[str]:
    """The lines of every ```sh block, in order. A block may stand in a list."""
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def local_links(document: Path) -> list[str]:
    """The files a document points at, relative to it: links, and pictures."""
    found = re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8"))
    return [link.split("#")[0] for link in found]
