"""What collecting garbage after every run costs a crowd on one page, and whether memory stays flat without it.

People with a page open each enter something every few seconds: on plain Streamlit as it ships, on this project, and on
this project with `runner.postScriptGC` as Streamlit ships it and nothing frozen. Then one page is edited without a
pause. Servers and people share the machine, so only what is beside each other can be compared.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from benchmarks.measuring import milli, row, title
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.page import Page
from tests.lab.server import Server

PEOPLE, PAUSE_SECONDS, SECONDS = 40, 4.0, 60.0
EDITS, LOOKS = 6_000, 6
AT_MOST = 1.5
"""Times what plain Streamlit takes: a run here also makes its edit durable."""
GROWS_AT_MOST = 0.05

_APP = """
import streamlit as st
from core.ui.cards import not_done
from core.web import lifespan, middleware, routes

def load():
    from core import ui
    return {}

app = st.App("main.py", lifespan=lifespan(load), routes=routes(), middleware=middleware(), on_script_error=not_done)
"""
_PLAIN_APP = """
import streamlit as st

app = st.App("main.py")
"""
_MAIN = """
import streamlit as st
from core import bootstrap_session, get_session_manager, ui

bootstrap_session()
with ui.save_status(get_session_manager()):
    for number in range(10):
        ui.text_input(f"Field {number}", form="sheet", field=f"f{number}", key=f"f{number}")
    st.dataframe({"number": range(20)})
"""
_BEFORE = f"import gc\n\ngc.unfreeze()\n{_MAIN}"
"""Without what the server does about it once everything is loaded."""
_PLAIN = """
import streamlit as st

for number in range(10):
    st.text_input(f"Field {number}", key=f"f{number}")
st.dataframe({"number": range(20)})
"""
Start = Callable[..., Server]


@contextmanager
def servers(folder: Path) -> Iterator[Start]:
    """Start servers of the two apps, which end with the block."""
    with Laboratory(Setup.SQLITE, folder) as laboratory, ExitStack() as stack:
        for name, app, main in (("ours", _APP, _MAIN), ("before", _APP, _BEFORE), ("plain", _PLAIN_APP, _PLAIN)):
            (folder / name).mkdir()
            (folder / name / "app.py").write_text(app, encoding="utf-8")
            (folder / name / "main.py").write_text(main, encoding="utf-8")

        def start(name: str, *, collects: bool) -> Server:
            bench = stack.enter_context(laboratory.bench())
            options = {"runner_postScriptGC": str(collects).lower()}
            app = str(folder / name / "app.py")
            return stack.enter_context(closing(Server(bench.settings(), bench.folder / "log", app=app, **options)))

        yield start


def crowd(server: Server) -> list[float]:
    """How many seconds each edit took until its run had ended."""
    took: list[float] = []
    with ExitStack() as stack:
        pages = [stack.enter_context(closing(Page(server.port))) for _ in range(PEOPLE)]
        began = time.monotonic() + 1

        def work(number: int, page: Page) -> None:
            due = began + PAUSE_SECONDS * number / PEOPLE
            while due < began + SECONDS:
                time.sleep(max(0.0, due - time.monotonic()))
                took.append(edit(page, f"{number} {due:.1f}"))
                due = max(due + PAUSE_SECONDS, time.monotonic())

        threads = [threading.Thread(target=work, args=each) for each in enumerate(pages)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return took


def edit(page: Page, text: str) -> float:
    began, before = time.perf_counter(), page.runs
    page.commit("f1", text)
    page.wait_for_runs(before + 1)
    return time.perf_counter() - began


def seconds_used(server: Server) -> float:
    """The processor time of a server so far."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(server: Server) -> int:
    """The bytes of a server that are in memory."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    if sys.platform != "linux":
        raise SystemExit("This reads /proc, which only Linux has.")
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder)) as start:
        title(f"{PEOPLE} people on one page, each with an edit every {PAUSE_SECONDS:g} s for {SECONDS:g} s")
        beside: tuple[float, float] | None = None
        for name, app, collects in (
            ("plain Streamlit as it ships", "plain", True),
            ("this project", "ours", False),
            ("the same, all collected after every run", "before", True),
        ):
            with closing(start(app, collects=collects)) as server:
                before = seconds_used(server)
                took = crowd(server)
                used = (seconds_used(server) - before) / len(took)
            half, most = statistics.median(took), statistics.quantiles(took, n=20)[-1]
            beside = beside or (half, most)
            target = f"at most {AT_MOST:g}x" if name == "this project" else ""
            met = max(half / beside[0], most / beside[1]) <= AT_MOST if target else None
            row(f"{name}: median, 95 %, CPU an edit", " ".join(map(milli, (half, most, used))), target=target, met=met)
            row("  beside plain", f"{half / beside[0]:.1f}x, {most / beside[1]:.1f}x")

        title(f"Memory over {EDITS:,} edits of one page")
        with closing(start("ours", collects=False)) as server, closing(Page(server.port)) as page:
            sizes = []
            for look in range(LOOKS + 1):
                sizes.append(memory(server))
                for number in range(EDITS // LOOKS if look < LOOKS else 0):
                    edit(page, f"{look} {'x' * (number % 37)} {number}")
            growth = sizes[-1] / sizes[len(sizes) // 2] - 1
            told = " ".join(f"{size / 1e6:.0f}" for size in sizes)
            row(f"MB, every {EDITS // LOOKS:,} edits", told)
            limit = f"at most {GROWS_AT_MOST:.0%}"
            row("  growth in the second half", f"{growth:.1%}", target=limit, met=growth <= GROWS_AT_MOST)


if __name__ == "__main__":
    main()
