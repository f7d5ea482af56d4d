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

from playwright.async_api import async_playwright

from tests.lab import sheet
from tests.lab.keyboard.desk import Desk
from tests.lab.keyboard.scenarios import SCENARIOS, Scenario
from tests.support.bake import BakedProject
from tests.support.browser import ARGUMENTS, find_chromium
from tests.support.server import serving

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


async def laboratory(project: BakedProject, scenario: Scenario, options: argparse.Namespace) -> tuple[int, list[str]]:
    """Returns how often it was done, and what was lost."""
    full = options.dose == "full"
    times = options.times or (scenario.full if full else scenario.short)
    random.seed(f"{options.seed} {scenario.name}")
    with _evidence(scenario, options) as folder:
        settings = {
            "SHEET_WITHOUT": options.without,
            "STREAMLIT_RUNNER_FAST_RERUNS": str(not options.slow_reruns).lower(),
            "PYTHONPATH": str(project.path),
        }
        with serving(project, folder, app=str(sheet.APP), **settings) as server:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
                desk = Desk(
                    server=server,
                    browser=browser,
                    offline_seconds=60 if full else 3,
                    tells="outbox" not in options.without,
                )
                await play(scenario, desk, times)
                await browser.close()
                if desk.slowest:
                    print(f"  all on the page again after {desk.slowest:.1f} s at most")
                if full and desk.slowest > REUNITED_SECONDS and not options.must_lose:
                    desk.lost.append(f"only after {desk.slowest:.1f} s the page showed everything again")
                if desk.lost:
                    (folder / LOST).write_text("\n".join(desk.lost) + "\n", encoding="utf-8")
                return times, desk.lost


@contextmanager
def _evidence(scenario: Scenario, options: argparse.Namespace) -> Iterator[Path]:
    """A folder for data and logs, which stays where something was lost, or where it was asked for."""
    if options.keep is not None:
        options.keep.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{scenario.name}-", dir=options.keep))
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
    find_chromium()  # before a loop runs: it may have to install one
    project = BakedProject(path=options.project.resolve(), answers={}, output="")
    failed = False
    for scenario in SCENARIOS:
        if options.scenario and scenario.name not in options.scenario:
            continue
        began = time.monotonic()
        times, lost = asyncio.run(laboratory(project, scenario, options))
        unfinished = any(line.startswith(UNFINISHED) for line in lost)
        failed = failed or (unfinished or not lost if options.must_lose else bool(lost))
        print(f"{scenario.name}: {scenario.says}; {times} times, lost {len(lost)}, {time.monotonic() - began:.0f} s")
        for line in lost[:10]:
            print(f"  {line}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
