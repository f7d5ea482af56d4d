"""How long a bake and a start take, beside the least either could take: `make bench`, after `make test`.

Baking is compared with baking a template of one file, starting with starting a bare Streamlit app. The two sides take
turns, so a machine that slows down slows both; read the medians and the ratio.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.measuring import row, title
from tests.conftest import INSTALLED
from tests.support.bake import BakedProject, clean_environment, fresh_template
from tests.support.server import free_port

ROUNDS = 5
BARE_APP = 'import streamlit as st\n\napp = st.App("page.py")\n'


def bake(template: Path, folder: Path) -> float:
    """Seconds from the command to its end."""
    command = [sys.executable, "-m", "cookiecutter", str(template), "--no-input", "--default-config"]
    shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    subprocess.run([*command, "--output-dir", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def start(folder: Path, streamlit: Path, health: str, **settings: str) -> float:
    """Seconds from the command to the first answer of the health route."""
    port = free_port()
    command = [str(streamlit), "run", "app.py", "--server.address=127.0.0.1", f"--server.port={port}"]
    began = time.perf_counter()
    server = subprocess.Popen(
        [*command, "--server.headless=true"],
        cwd=folder,
        env=clean_environment(**settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while server.poll() is None:
            try:
                with urlopen(f"http://127.0.0.1:{port}{health}", timeout=5):
                    return time.perf_counter() - began
            except (URLError, ConnectionError):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(0.02)
    finally:
        server.kill()
        server.wait()
    raise SystemExit(f"The server in {folder.name} ended by itself.")


def compare(name: str, ours: Callable[[], float], least: Callable[[], float]) -> None:
    ours(), least()  # fills the caches of files and bytecode
    pairs = [(ours(), least()) for _ in range(ROUNDS)]
    median, smallest = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    row(name, f"{median:.2f} s, at least {smallest:.2f} s: {ratio:.2f}x")


def main() -> None:
    project = BakedProject(path=INSTALLED / "streamlit_keep", answers={}, output="")
    streamlit = project.path / ".venv/bin/streamlit"
    if not streamlit.exists():
        raise SystemExit("There is no installed project to measure. Run: make test")
    title("Making and starting a project, beside the least it could take")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one_file = folder / "template"
        (one_file / "{{cookiecutter.project}}").mkdir(parents=True)
        (one_file / "{{cookiecutter.project}}" / "README.md").write_text("{{cookiecutter.project}}\n")
        (one_file / "cookiecutter.json").write_text(json.dumps({"project": "p"}))
        bare = folder / "bare"
        bare.mkdir()
        (bare / "app.py").write_text(BARE_APP)
        (bare / "page.py").write_text('import streamlit as st\n\nst.write("hello")\n')
        settings = {
            "DATABASE_URL": f"sqlite:///{folder / 'sessions.db'}",
            "JOURNAL_PATH": str(folder / "journal.db"),
        }
        compare("bake", lambda: bake(fresh_template(), folder / "out"), lambda: bake(one_file, folder / "out"))
        compare(
            "start to health route",
            lambda: start(project.path, streamlit, "/keep/health", **settings),
            lambda: start(bare, streamlit, "/_stcore/health"),
        )


if __name__ == "__main__":
    main()
