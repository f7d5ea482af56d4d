"""Build the documentation site into `build/site` with Sphinx: `make docs`. Every warning is an error.

Its pages are those of `docs/`, those that come with each project, below `project/`, and the reference, which is written
from the code.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "{{cookiecutter.project}}"
sys.path[:0] = [str(ROOT), str(PROJECT)]

from sphinx.application import Sphinx  # noqa: E402

from scripts.reference import reference  # noqa: E402

OF_THE_PROJECT = ("docs/*.md", "core/*.md", "migrations/*.md", "deploy/*.md")
_TO_THE_PROJECT = re.compile(r"\]\((?:\.\./)+" + re.escape(PROJECT.name) + "/")
_TO_CODE = re.compile(r"(?<!!)\[([^\]\n]+)\]\((?!https?:|#)(?![^)]*\.md)[^)\n]+\)")


def on_the_site(text: str) -> str:
    """Return a page with its links changed to where the site has their target; what it doesn't have is only named."""
    return _TO_CODE.sub(r"\1", _TO_THE_PROJECT.sub("](/project/", text))


def collect(source: Path) -> None:
    """Put all pages of the site into a folder."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source, ignore=shutil.ignore_patterns("__pycache__"))
    for pattern in OF_THE_PROJECT:
        for page in PROJECT.glob(pattern):
            target = source / "project" / page.relative_to(PROJECT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, target)
    for page in source.rglob("*.md"):
        page.write_text(on_the_site(page.read_text(encoding="utf-8")), encoding="utf-8")
    (source / "reference").mkdir()
    for name, text in reference().items():
        (source / "reference" / f"{name}.md").write_text(text, encoding="utf-8")


def build(output: Path, work: Path) -> bool:
    """Build the site; `work` is for what is needed meanwhile. Returns False, having said why, if anything is wrong."""
    source = work / "source"
    collect(source)
    app = Sphinx(
        srcdir=str(source),
        confdir=str(source),
        outdir=str(output),
        doctreedir=str(work / "doctrees"),
        buildername="html",
        status=None,
        warningiserror=True,
        freshenv=True,
    )
    app.build()
    return app.statuscode == 0


def main() -> int:
    folder = ROOT / os.environ.get("BUILD", "build")
    if not build(folder / "site", folder / "docs"):
        return 1
    print(f"Wrote {folder / 'site' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
