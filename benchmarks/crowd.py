"""A crowd on one page: beside the same page in plain Streamlit, as it ships and as somebody would tune it.

    PYTHONPATH="{{cookiecutter.project}}" .venv/bin/python -m benchmarks.crowd

People who are signed in have a page of ten text fields open, and each enters something every few seconds. The servers
take turns on two cores, of which the people use a part of one; so what counts is how the servers compare.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measuring import milli, row, seconds_used, title
from benchmarks.people import People
from tests.engine import HERE
from tests.engine.office import Office
from tests.lab.server import Server

SIZES, PAUSE_SECONDS, EDITS, ROUNDS = (30, 60, 100), 4.0, 3, 3
OPENED, WITHIN_SECONDS, STARTS = 50, 10.0, 5
AT_MOST, AT_MOST_TUNED = 1.0, 1.3
OPENED_AT_MOST, MEMORY_AT_MOST, FIRST_AT_MOST = 1.5, 3.0, 1.2

APP = """
import streamlit as st

from core.pages import load_pages
from core.ui.cards import not_done
from core.web import lifespan, middleware, routes

app = st.App(
    "main.py", lifespan=lifespan(load_pages), routes=routes(), middleware=middleware(), on_script_error=not_done
)
"""
MAIN = HERE / "desk" / "whole.py"
"""What a project's own `main.py` does, with one page more."""
_PLAIN = """
import streamlit as st

for number in range(10):
    st.text_input(f"Field {number}", key=f"f{number}")
"""
_TUNED = f"import pandas\n{_PLAIN}"


@dataclass(kw_only=True)
class Side:
    """One of the servers that are compared."""

    name: str
    server: Server
    people: People
    figures: dict[str, list[Sequence[float]]] = field(default_factory=dict)
    """By what was measured: what came out in each round."""

    def seconds_used(self) -> float:
        """Return the processor time of the server so far."""
        return seconds_used(self.server.process.pid)

    def memory(self) -> int:
        """Return the bytes of the server that are in memory."""
        return int(Path(f"/proc/{self.server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def note(self, what: str, *figures: float) -> None:
        self.figures.setdefault(what, []).append(figures)

    def result(self, what: str) -> list[float]:
        """Return the median over the rounds of each figure."""
        return [statistics.median(figure) for figure in zip(*self.figures[what], strict=True)]


@contextmanager
def sides(folder: Path, people: int) -> Iterator[Mapping[str, Side]]:
    """The servers, with the cookies of so many people who are signed in at ours."""
    for name, app in (("ours", APP), ("plain", _PLAIN), ("tuned", _TUNED)):
        (folder / name).mkdir()
        (folder / name / "app.py").write_text(app, encoding="utf-8")
    shutil.copyfile(MAIN, folder / "ours" / "main.py")
    with ExitStack() as stack:

        def side(name: str, server: Server, cookies: Sequence[str], page: str) -> Side:
            return Side(name=name, server=server, people=stack.enter_context(People(server.port, cookies, page)))

        def plain(name: str, **options: str) -> Server:
            app = folder / name / "app.py"
            server = Server({}, folder / f"{name}.log", app=app, folder=folder / name, **options)
            return stack.enter_context(closing(server))

        office = stack.enter_context(Office.opened(folder, app=folder / "ours" / "app.py", debounce_delay=2.0))
        cookies = [office.cookie(office.sign_in(office.person())) for _ in range(people)]
        yield {
            "ours": side("this project", office.server, cookies, "sheet"),
            "plain": side("plain Streamlit as it ships", plain("plain"), (), ""),
            "tuned": side("plain, tuned", plain("tuned", runner_postScriptGC="false"), (), ""),
        }


def first_page(started: Side, side: Side) -> None:
    """Open the first page after a start, and the second, and note at `side` how long each takes."""
    (first,), (second,) = started.people.open(1), started.people.open(1)
    side.note("first", first.took, second.took)


def memory(side: Side, pages: int) -> None:
    """Open pages, and note the bytes of each once something was entered into it."""
    before = side.memory()
    opened = len(side.people.all)
    side.people.open(pages - opened)
    side.people.edit(pages, pause=PAUSE_SECONDS, edits=1)
    side.note("memory", (side.memory() - before) / (pages - opened))


def opening(side: Side) -> None:
    """Open pages of many people within some seconds."""
    side.people.close()
    fields = [person.last_field for person in side.people.open(OPENED, within=WITHIN_SECONDS)]
    side.note("opening", *spread(fields))


def crowd(side: Side, size: int, edits: int = EDITS) -> None:
    """Let people enter something, and note half and most of the times it took, and the processor time of an edit."""
    before = side.seconds_used()
    took = side.people.edit(size, pause=PAUSE_SECONDS, edits=edits)
    side.note(f"{size} people", *spread(took), (side.seconds_used() - before) / len(took))


def spread(times: Sequence[float]) -> tuple[float, float]:
    """Return the median, and what 95 % stay below."""
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


def report(all_sides: Mapping[str, Side], what: str, **at_most: float) -> None:
    """Print what each side took, and how many times that of another side ours is."""
    results = {name: side.result(what) for name, side in all_sides.items()}
    for name, side in all_sides.items():
        row(f"{what}: {side.name}", ", ".join(map(milli, results[name])))
    for name, limit in at_most.items():
        times = [one / other for one, other in zip(results["ours"], results[name], strict=True)]
        shown = ", ".join(f"{each:.2f}x" for each in times)
        row(f"  beside {all_sides[name].name}", shown, target=f"at most {limit:g}x", met=max(times) <= limit)


def main() -> None:
    if sys.platform != "linux":
        raise SystemExit("This reads /proc, which only Linux has.")
    with tempfile.TemporaryDirectory() as folder, sides(Path(folder), max(SIZES)) as compared:
        for side in compared.values():
            first_page(side, side)
            memory(side, max(SIZES))
        used = time.process_time()
        for size in SIZES:
            for _ in range(ROUNDS):
                for side in compared.values():
                    crowd(side, size)
        share = (time.process_time() - used) / (ROUNDS * len(compared) * sum(SIZES) * EDITS)
        for _ in range(ROUNDS):
            for side in compared.values():
                opening(side)
    for _ in range(STARTS - 1):
        with tempfile.TemporaryDirectory() as folder, sides(Path(folder), 2) as again:
            for name, started in again.items():
                first_page(started, compared[name])
    title(f"A crowd on a page of ten text fields, an edit each every {PAUSE_SECONDS:g} s: median, 95 %, CPU an edit")
    for size in SIZES:
        report(compared, f"{size} people", plain=AT_MOST, tuned=AT_MOST_TUNED)
    row("CPU of the people themselves, an edit", milli(share))
    title(f"The page opened by {OPENED} people within {WITHIN_SECONDS:g} s: median and 95 % to the last field")
    report(compared, "opening", plain=OPENED_AT_MOST)
    title("An open page")
    bytes_each = {name: side.result("memory")[0] for name, side in compared.items()}
    times = bytes_each["ours"] / bytes_each["plain"]
    row(
        "memory, beside plain Streamlit",
        f"{bytes_each['ours'] / 1024:.0f} KB beside {bytes_each['plain'] / 1024:.0f} KB: {times:.1f}x",
        target=f"at most {MEMORY_AT_MOST:g}x",
        met=times <= MEMORY_AT_MOST,
    )
    for name, side in compared.items():
        first, second = side.result("first")
        ours = name == "ours"
        row(
            f"the first page after a start, beside the second: {side.name}",
            f"{milli(first)} beside {milli(second)}: {first / second:.2f}x",
            target=f"at most {FIRST_AT_MOST:g}x" if ours else "",
            met=first <= FIRST_AT_MOST * second if ours else None,
        )


if __name__ == "__main__":
    main()
