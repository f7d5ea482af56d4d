"""Names of Streamlit's page and of the browser's storage are in `core/streamlit_compat` only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.settings import PROJECT_ROOT

CORE = PROJECT_ROOT / "core"
COMPAT = CORE / "streamlit_compat"
NAME = re.compile(
    r"""
    \bst[A-Z]\w+            # a test id, a class, or a name in the storage
    | data-test | search-input | st-key-
    | _stcore\b              # addresses
    | \$\$ID | __reactFiber  # widgets' ids, and where React keeps them
    | localStorage | sessionStorage
    | ["'`]keep[._](?:tab|outbox|focus|try|signed-out|token_rotations)\b  # the project's own names in the storage
    """,
    re.VERBOSE,
)
SOURCES = [path for path in sorted(CORE.rglob("*")) if path.suffix in (".js", ".css", ".py")]


def named_in(path: Path) -> list[str]:
    return [match[0] for match in NAME.finditer(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", ["page.js", "style.css", "server.py"])
def test_the_names_are_found_where_they_are(name: str) -> None:
    assert named_in(COMPAT / name)


def test_no_other_script_style_or_module_names_them() -> None:
    others = [path for path in SOURCES if COMPAT not in path.parents]
    assert {str(path.relative_to(CORE)): named for path in others if (named := named_in(path))} == {}
