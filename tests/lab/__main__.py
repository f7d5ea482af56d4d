"""`python -m tests.lab`: do all faults to both durabilities, and say what was lost.

Exits with 1 if anything was, and if anything could not be done here: what was left out has shown nothing.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import structlog

from tests.lab.chance import begin
from tests.lab.checker import KINDS
from tests.lab.controls import CONTROLS, Control, prove
from tests.lab.faults import Fault, Result, discover
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.strace import NoStraceError

FAULTS = discover()
_NAMED = 10
"""How many violations of a fault are printed in full."""


@click.command()
@click.option("--dose", type=click.Choice(("full", "short")), default="full", show_default=True)
@click.option("--fault", "names", multiple=True, type=click.Choice(sorted(FAULTS)), help="Only this; repeatable.")
@click.option("--durability", type=click.Choice(("local", "database")), help="Only this; otherwise both.")
@click.option("--seed", type=int, help="Make the choices of the run that printed this number once more.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for the evidence: history, data and logs.")
def chaos(dose: str, names: tuple[str, ...], durability: str | None, seed: int | None, keep: Path | None) -> None:
    """Break this project on purpose and count what is lost.

    Where something was lost its evidence is kept in any case, and said where.
    """
    seed = secrets.randbelow(10**9) if seed is None else seed
    click.echo(f"seed: {seed}")
    # What the project says of its troubles here is what was done to it.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    wanted = [FAULTS[name] for name in names or FAULTS]
    rows = []
    for fault in wanted:
        shares = fault.shares(fault.full if dose == "full" else fault.short)
        for setup, share in shares.items():
            if durability in (None, setup.durability):
                rows.append((fault, setup, do(fault, setup, share, seed=seed, keep=keep)))
    begin(f"{seed} controls")
    missed = prove_all()
    click.echo(table(rows))
    click.echo("\n".join(["", f"negative controls: {len(CONTROLS) - len(missed)} of {len(CONTROLS)} noticed", *missed]))
    trouble = troubles([result for _, _, result in rows], missed, full=dose == "full")
    click.echo("\n".join(["", *trouble]))
    if trouble:
        click.echo(f"The same choices once more: --seed {seed}, and --fault for a part of it.")
        sys.exit(1)


def troubles(results: Sequence[Result], missed: Sequence[str], *, full: bool) -> list[str]:
    """Why this run is no proof, a sentence each. Limits of time count in the full dose only."""
    found = []
    if left_out := sorted({result.left_out for result in results if result.left_out}):
        found.append(f"NOT ALL WAS DONE, which shows nothing of what was left out: {'; '.join(left_out)}")
    if missed:
        found.append("NOT EVERY NEGATIVE CONTROL WAS NOTICED, so all the rest means nothing")
    if any(result.violations or result.failures or (full and result.too_slow) for result in results):
        found.append("NOT ALL HELD, see above")
    return found


def prove_all() -> list[str]:
    """Play the negative controls. Returns what was missed: then nothing else that was found means anything."""
    with contextlib.ExitStack() as stack:
        laboratories = {
            setup: stack.enter_context(Laboratory(setup)) for setup in {control.setup for control in CONTROLS}
        }
        return [missed for control in CONTROLS if (missed := play(control, laboratories[control.setup]))]


def play(control: Control, laboratory: Laboratory) -> str | None:
    """Why a control failed, or could not be played; None if all is well."""
    try:
        return prove(control, laboratory)
    except NoStraceError as error:
        return f"{control.name}: could not be played: {error}"


def do(fault: Fault, setup: Setup, share: int, *, seed: int, keep: Path | None = None) -> Result:
    """Do one fault so often, with the choices that follow from a seed.

    Everything it leaves is kept below `keep`, or else only where something did not hold.
    """
    begin(f"{seed} {fault.name} {setup.name}")
    click.echo(f"{fault.name}: {fault.says}; {setup.value}; {share} times ...")
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix=f"{fault.name}-{setup.name.lower()}-", dir=_made(keep)))
    held = False
    try:
        with Laboratory(setup, folder) as laboratory:
            try:
                result = fault.run(laboratory, share)
            except NoStraceError as error:
                result = Result(done=0, acknowledged=0, left_out=str(error))
        held = not (result.violations or result.failures)
    finally:
        if held and keep is None:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            click.echo(f"  evidence: {folder}")
    click.echo(f"  done {result.done} times, {result.acknowledged} acknowledged, {time.monotonic() - began:.0f} s")
    for violation in [*map(str, result.violations), *result.failures, *result.too_slow][:_NAMED]:
        click.echo(f"  {violation}")
    return result


def _made(folder: Path | None) -> Path | None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def table(rows: list[tuple[Fault, Setup, Result]]) -> str:
    """What was done, how often, and what came of it."""
    lines = [f"{'fault':<14}{'durability':<24}{'done':>7}{'acknowledged':>14}" + "".join(f"{k:>13}" for k in KINDS)]
    for fault, setup, result in rows:
        found = Counter(violation.kind for violation in result.violations)
        counts = "".join(f"{found[kind]:>13}" for kind in KINDS)
        lines.append(f"{fault.name:<14}{setup.value:<24}{result.done:>7}{result.acknowledged:>14}{counts}")
        lines += [f"{'':<14}{name}: {value:g}" for name, value in result.figures.items()]
        lines += [f"{'':<14}not elsewhere: {fault.elsewhere}"] if fault.elsewhere else []
        lines += [f"{'':<14}not done: {result.left_out}"] if result.left_out else []
        lines += [f"{'':<14}did not hold: {failure}" for failure in result.failures]
        lines += [f"{'':<14}too slow: {what}" for what in result.too_slow]
    return "\n".join(["", *lines])


if __name__ == "__main__":
    chaos()
