"""The short dose of the keyboard laboratory, and that it notices what is lost where nothing prevents it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lab.keyboard.scenarios import SCENARIOS
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
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize("scenario", [scenario.name for scenario in SCENARIOS])
def test_not_one_keystroke_is_lost(scenario: str, baked_default: BakedProject, chromium: str) -> None:
    result = laboratory(baked_default, "--scenario", scenario)
    assert result.returncode == 0, result.stdout


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
