"""`python -m tests.lab.keyboard`: all scenarios with a real browser and server. Exits with 1 if anything was lost.

With `--must-lose` it exits with 1 unless each scenario lost something and was finished each time: what is left out is
then known to be what keeps it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from tests.lab import sheet
from tests.lab.keyboard.desk import Desk
from tests.lab.keyboard.scenarios import SCENARIOS, Scenario
from tests.support.bake import BakedProject
from tests.support.browser import ARGUMENTS, find_chromium, find_windowless
from tests.support.server import Server, serving

ROUND = 4
"""So many people sit at one server that is going to be killed: all their pages come back at the same moment."""
REUNITED_SECONDS = 5
"""The full dose demands that a page shows everything within that time of a server that is back."""
UNFINISHED = "not finished"
LOST = "lost.txt"


async def play(scenario: Scenario, desk: Desk, times: int) -> None:
    """Do it so often; whatever goes wrong in one try is told as lost, and the next one follows."""
    if scenario.alone:
        for begun in range(0, times, ROUND):
            await scenario.play(desk, min(ROUND, times - begun))
        return
    seats = asyncio.Semaphore(scenario.side_by_side)

    async def once(number: int) -> None:
        async with seats:
            try:
                await scenario.play(desk, number)
            except Exception as error:  # noqa: BLE001 - a try that could not be finished counts against us
                desk.lost.append(f"{UNFINISHED}: {str(error).splitlines()[0]}")

    await asyncio.gather(*(once(number) for number in range(times)))


async def laboratory(project: BakedProject, scenarios: list[Scenario], options: argparse.Namespace) -> bool:
    """Play the scenarios with one server and one browser. Returns whether it went as it should."""
    settings = {
        "SHEET_WITHOUT": options.without,
        "STREAMLIT_RUNNER_FAST_RERUNS": str(not options.slow_reruns).lower(),
        "PYTHONPATH": str(project.path),
    }
    as_it_should = True
    with _evidence(options) as folder, serving(project, folder, app=str(sheet.APP), **settings) as server:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_windowless(), args=ARGUMENTS)
            for scenario in scenarios:
                began = time.monotonic()
                times, lost = await _played(scenario, server, browser, options)
                unfinished = any(line.startswith(UNFINISHED) for line in lost)
                as_it_should = as_it_should and (bool(lost) and not unfinished if options.must_lose else not lost)
                took = f"{time.monotonic() - began:.0f} s"
                print(f"{scenario.name}: {scenario.says}; {times} times, lost {len(lost)}, {took}")
                for line in lost[:10]:
                    print(f"  {line}")
                if lost:
                    with (folder / LOST).open("a", encoding="utf-8") as told:
                        told.writelines(f"{scenario.name}: {line}\n" for line in lost)
            await browser.close()
    return as_it_should


async def _played(
    scenario: Scenario, server: Server, browser: Browser, options: argparse.Namespace
) -> tuple[int, list[str]]:
    """Returns how often it was done, and what was lost."""
    full = options.dose == "full"
    times = options.times or (scenario.full if full else scenario.short)
    random.seed(f"{options.seed} {scenario.name}")
    tells = "outbox" not in options.without
    desk = Desk(server=server, browser=browser, offline_seconds=60 if full else 3, tells=tells)
    await play(scenario, desk, times)
    await asyncio.gather(*(context.close() for context in browser.contexts))
    if desk.slowest:
        print(f"  all on the page again after {desk.slowest:.1f} s at most")
    if full and desk.slowest > REUNITED_SECONDS and not options.must_lose:
        desk.lost.append(f"only after {desk.slowest:.1f} s the page showed everything again")
    return times, desk.lost


@contextmanager
def _evidence(options: argparse.Namespace) -> Iterator[Path]:
    """A folder for data and logs, which stays where something was lost, or where it was asked for."""
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="keystrokes-", dir=options.keep))
    finished = False
    try:
        yield folder
        finished = True
    finally:
        if options.keep is None and finished and (options.must_lose or not (folder / LOST).exists()):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"  evidence: {folder}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.keyboard")
    parser.add_argument("--project", type=Path, required=True, help="a generated project with its tools")
    parser.add_argument("--dose", choices=("full", "short"), default="full")
    parser.add_argument("--scenario", action="append", choices=[scenario.name for scenario in SCENARIOS])
    parser.add_argument("--times", type=int, help="instead of what the dose says")
    parser.add_argument("--without", default="", help="what to leave out: ingress,outbox. Then things must be lost")
    parser.add_argument("--must-lose", action="store_true", help="exit with 1 unless each scenario lost something")
    parser.add_argument("--slow-reruns", action="store_true", help="with Streamlit's fastReruns off")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9), help="one that an earlier run printed")
    parser.add_argument("--keep", type=Path, help="a folder for the evidence; what lost something is kept in any case")
    options = parser.parse_args()
    print(f"seed: {options.seed}")
    find_chromium(), find_windowless()  # before a loop runs: they may have to be installed
    project = BakedProject(path=options.project.resolve(), answers={}, output="")
    scenarios = [each for each in SCENARIOS if not options.scenario or each.name in options.scenario]
    sys.exit(0 if asyncio.run(laboratory(project, scenarios, options)) else 1)


if __name__ == "__main__":
    main()
