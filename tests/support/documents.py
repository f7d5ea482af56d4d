"""Reads the commands out of a document, so that a test can run each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w./-]+\.\w+|Makefile)`[^`\n]*:\n+$")
"""The end of what stands before a block that is a file's content."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a document tells people to do: to run a command, or to write a file."""

    command: str = ""
    file: str = ""
    content: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A section of a document, and what it tells people to do."""

    title: str
    actions: tuple[Action, ...]


def steps(document: Path) -> list[Step]:
    """Return the sections of a document, by their headings of the second level. What comes before has the title "".

    Commands are the lines of ```sh blocks. A block of another language is the content of the file that is named before
    it, as in "Put this into `a.py`:"; in ```text and ```bash blocks there is nothing to do.
    """
    sections = re.split(r"^## (.+)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [
        Step(title.strip(), tuple(_actions(text, document)))
        for title, text in zip(["", *sections[1::2]], sections[0::2], strict=True)
    ]


def _actions(text: str, document: Path) -> list[Action]:
    found = []
    for block in _BLOCK.finditer(text):
        if block["kind"] in ("text", "bash", "mermaid", ""):
            continue
        if block["kind"] == "sh":
            lines = [line.strip() for line in block["text"].splitlines()]
            found += [Action(command=line) for line in lines if line and not line.startswith("#")]
            continue
        file = _FILE.search(text[: block.start()])
        if file is None:
            raise AssertionError(f"{document.name}: it isn't said where this goes:\n{block['text']}")
        found.append(Action(file=file[1], content=block["text"]))
    return found


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
