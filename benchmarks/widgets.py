"""How much slower a page of a hundred controlled widgets reruns than the same page with Streamlit's own.

Both pages are of one app, with the same session behind them, and take turns. What is measured is the processor time of
the thread that runs the script, from the first widget to the last: a machine with other work to do changes it little.
Streamlit's own widgets have a key each, as any widget has whose page changes while it is shown.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from streamlit.testing.v1 import AppTest

from benchmarks.measuring import milli, row
from benchmarks.parts import services_in
from benchmarks.warm_run import browser_of_ada
from core.services import use_services

WIDGETS, RUNS, WARM_UP = 100, 60, 5
PAGE = """
import time
from datetime import date

import streamlit as st
from core import bootstrap_session, ui

COLOURS = ["red", "green", "blue"]
ARGUMENTS = {
    "text_input": [],
    "number_input": [0, 10],
    "selectbox": [COLOURS],
    "checkbox": [],
    "slider": [0, 100],
    "date_input": [date(2026, 1, 1)],
    "multiselect": [COLOURS],
    "radio": [COLOURS],
    "text_area": [],
    "toggle": [],
}

def show(kind, number):
    if OURS:
        return getattr(ui, kind)(f"Field {number}", *ARGUMENTS[kind], form="f", field=str(number))
    return getattr(st, kind)(f"Field {number}", *ARGUMENTS[kind], key=f"f.{number}")

bootstrap_session()
began = time.thread_time()
for number in range(WIDGETS):
    show(list(ARGUMENTS)[number % len(ARGUMENTS)], number)
st.session_state.setdefault("took", []).append(time.thread_time() - began)
"""


def widgets(folder: Path, **settings: object) -> None:
    """Print what a rerun takes, ours beside Streamlit's."""
    services = services_in(folder, **settings)
    with use_services(services), browser_of_ada(services):
        pages = [_page(ours=True), _page(ours=False)]
        for _ in range(WARM_UP + RUNS):
            for page in pages:
                page.run()
                if page.exception:
                    raise SystemExit(page.exception[0].value)
    took = [page.session_state["took"][WARM_UP:] for page in pages]
    ours, theirs = (statistics.median(times) for times in took)
    times = statistics.median(one / other for one, other in zip(*took, strict=True))
    row(
        f"a rerun with {WIDGETS} controlled widgets",
        f"{milli(ours)} beside {milli(theirs)}: {times:.2f}x",
        target="at most 1.1x",
        met=times <= 1.1,
    )


def _page(*, ours: bool) -> AppTest:
    return AppTest.from_string(PAGE.replace("OURS", str(ours)).replace("WIDGETS", str(WIDGETS)), default_timeout=60)
