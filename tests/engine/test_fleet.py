"""The laboratory's fleet: it notices a replica whose settings are not the others'."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.lab.fleet import Fleet, differing
from tests.lab.laboratory import Laboratory, Setup

pytestmark = pytest.mark.xdist_group("chaos")


def test_a_replica_with_a_secret_and_files_of_its_own_is_named(tmp_path: Path) -> None:
    with Laboratory(Setup.SQLITE, tmp_path) as laboratory, laboratory.bench() as bench:
        unlike = {"secret_key": "1" * 64, "files_url": str(tmp_path / "private"), "journal_path": tmp_path / "other.db"}
        with closing(Fleet(bench, 2, **unlike)) as fleet:
            found = " ".join(differing(bench, len(fleet)))
    assert "in SECRET_KEY" in found
    assert "in FILES_URL" in found
