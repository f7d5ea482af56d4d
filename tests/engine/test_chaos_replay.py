"""What the laboratory found can be looked at afterwards, and done once more."""

from __future__ import annotations

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.lab.__main__ import chaos, do
from tests.lab.chance import begin, chance
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Laboratory, Setup

pytestmark = pytest.mark.xdist_group("chaos")


def choices() -> list[float]:
    """What this thread and two others choose, one after the other."""
    chosen = [chance().random()]
    for _ in range(2):
        with ThreadPoolExecutor(1) as other:
            chosen += other.submit(lambda: [chance().random() for _ in range(3)]).result()
    return chosen


def test_all_choices_follow_from_the_seed() -> None:
    begin("1 kill")
    first = choices()
    begin("1 kill")
    assert choices() == first
    assert len(set(first)) == len(first), "each thread has its own"
    begin("2 kill")
    assert choices() != first


def harm(failures: list[str]) -> Fault:
    def run(laboratory: Laboratory, share: int) -> Result:
        (laboratory.folder / "chosen").write_text(str(chance().random()))
        return Result(done=share, acknowledged=0, failures=failures)

    return Fault(name="harm", says="nothing", holds="all", full=1, short=1, run=run)


def test_evidence_is_kept_where_something_was_lost_or_where_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    do(harm([]), Setup.SQLITE, 1, seed=7)
    assert list(tmp_path.iterdir()) == []
    do(harm(["a value was lost"]), Setup.SQLITE, 1, seed=7)
    do(harm([]), Setup.SQLITE, 1, seed=7, keep=tmp_path / "kept")
    said = re.findall("evidence: (.+)", capsys.readouterr().out)
    lost, kept = map(Path, said)
    assert (lost.parent, kept.parent) == (tmp_path, tmp_path / "kept")
    assert (lost / "chosen").read_text() == (kept / "chosen").read_text(), "the same seed"


def test_the_command_takes_a_seed_and_a_folder() -> None:
    told = CliRunner().invoke(chaos, ["--help"]).output
    assert "--seed" in told
    assert "--keep" in told
