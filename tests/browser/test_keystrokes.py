"""The short dose of the keyboard laboratory, and that it notices what is lost where nothing prevents it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lab.keyboard.scenarios import SCENARIOS, Scenario
from tests.support.bake import TEMPLATE, BakedProject, clean_environment


def laboratory(project: BakedProject, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.lab.keyboard", "--project", str(project.path), "--dose", "short", *options]
    return subprocess.run(
        command,
        cwd=TEMPLATE,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
        check=False,
    )


@pytest.fixture(scope="module")
def played(baked_default: BakedProject, chromium: str) -> str:
    """What the laboratory says of all scenarios, played one after the other with one server and one browser."""
    return laboratory(baked_default).stdout


@pytest.mark.xdist_group("keystrokes")  # one worker, which plays them once
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_not_one_keystroke_is_lost(scenario: Scenario, played: str) -> None:
    assert f"{scenario.name}: {scenario.says}; {scenario.short} times, lost 0, " in played, played


def test_an_edit_followed_by_f5_is_not_lost_without_fast_reruns_either(
    baked_default: BakedProject, chromium: str
) -> None:
    result = laboratory(baked_default, "--scenario", "left", "--slow-reruns")
    assert result.returncode == 0, result.stdout


def test_without_outbox_and_ingress_the_laboratory_notices_what_is_lost(
    baked_default: BakedProject, chromium: str
) -> None:
    """`make chaos` does it with the other scenarios."""
    left_out = ("--without", "outbox,ingress", "--slow-reruns", "--times", "6", "--must-lose")
    result = laboratory(baked_default, "--scenario", "left", "--scenario", "f5", *left_out)
    assert result.returncode == 0, result.stdout
