"""Which modules are loaded anew when a file is saved, and which stay."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import MetaData, select
from sqlalchemy.orm import configure_mappers

import core
from core.discovery import discover
from core.reload import Sources
from core.services import Services
from core.session import UserSession
from core.storage import models

TABLES = """
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core import db


class House(db.Base):
    __tablename__ = "town_houses"

    number: Mapped[int] = mapped_column(primary_key=True)
    rooms: Mapped[list["Room"]] = relationship(back_populates="house")


class Room(db.Base):
    __tablename__ = "town_rooms"

    number: Mapped[int] = mapped_column(primary_key=True)
    house_number: Mapped[int] = mapped_column(ForeignKey("town_houses.number"))
    house: Mapped[House] = relationship(back_populates="rooms")
"""


class Project:
    """A project's folder on the path, with a package `town` of the team's and an engine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("core/engine.py", "")
        self.write("town/__init__.py", "")
        self.write("town/square.py", "PLACE = 1")
        self.sources = Sources(root)

    def write(self, file: str, text: str) -> Path:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        was = path.stat().st_mtime_ns if path.exists() else 0
        path.write_text(text, encoding="utf-8")
        if was:
            os.utime(path, ns=(was + 1, was + 1))  # as soon after the last time as can be told
        importlib.invalidate_caches()
        return path

    def load(self, name: str) -> ModuleType:
        return importlib.import_module(name)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    ours = importlib.import_module("core.db")
    yield Project(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "town"]:
        del sys.modules[name]
    sys.modules["core.db"] = core.db = ours


def test_a_saved_module_and_what_may_have_imported_it_are_loaded_anew_once(project: Project) -> None:
    square, town = project.load("town.square"), project.load("town")
    project.sources.watch()
    assert project.sources.refresh() == 0
    project.write("town/square.py", "PLACE = 2")  # of the same size, within the same second
    assert [project.sources.refresh() for _ in range(3)] == [1, 1, 1]
    assert project.load("town.square").PLACE == 2
    assert project.load("town.square") is not square
    assert project.load("town") is not town
    assert project.sources.refresh() == 1


def test_what_is_saved_while_modules_are_loaded_anew_is_seen(project: Project) -> None:
    project.load("town.square")
    project.sources.watch()
    project.write("town/square.py", "PLACE = 2")
    assert project.sources.refresh() == 1
    project.load("town.square")
    project.write("town/square.py", "PLACE = 3")
    assert project.sources.refresh() == 2
    assert project.load("town.square").PLACE == 3


def test_a_module_whose_file_is_gone_is_forgotten(project: Project) -> None:
    project.load("town.square")
    project.sources.watch()
    (project.root / "town" / "square.py").unlink()
    assert project.sources.refresh() == 1
    importlib.invalidate_caches()
    with pytest.raises(ModuleNotFoundError):
        project.load("town.square")


def test_a_file_that_could_not_be_loaded_and_one_that_is_new_are_seen(project: Project) -> None:
    project.write("town/square.py", "PLACE =")
    project.load("town")
    with pytest.raises(SyntaxError):
        project.load("town.square")
    project.sources.watch()
    project.write("town/square.py", "PLACE = 2")
    assert project.sources.refresh() == 1
    project.load("town")
    project.write("town/street/corner.py", "PLACE = 3")
    assert [project.sources.refresh() for _ in range(2)] == [2, 2]


def test_the_engine_and_what_is_installed_stay(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(project.root / "venv"))
    monkeypatch.syspath_prepend(project.root / "venv")
    file = project.write("venv/town_installed.py", "")
    installed, engine = project.load("town_installed"), importlib.import_module("core.errors")
    project.load("town.square")
    project.sources.watch()
    file.write_text("# other")
    assert project.sources.refresh() == 0
    project.write("town/square.py", "PLACE = 2")
    assert project.sources.refresh() == 1
    assert sys.modules["town_installed"] is installed
    assert sys.modules["core.errors"] is engine
    del sys.modules["town_installed"]


def test_a_change_of_the_engine_is_named_until_it_is_taken_back(project: Project) -> None:
    project.sources.watch()
    project.write("core/__pycache__/engine.pyc", "compiled")
    project.write("core/engine.py", "# changed")
    project.write(".env", "TITLE=Other")
    assert project.sources.refresh() == 0
    assert sorted(project.sources.outdated) == [".env", "core/engine.py"]
    (project.root / ".env").unlink()
    project.sources.refresh()
    assert project.sources.outdated == ("core/engine.py",)


def test_nothing_is_looked_at_before_the_watch_begins(project: Project) -> None:
    square = project.load("town.square")
    project.write("town/square.py", "PLACE = 2")
    project.write("core/engine.py", "# changed")
    assert (project.sources.refresh(), project.sources.outdated) == (0, ())
    assert project.load("town.square") is square


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch) -> MetaData:
    """What the tables are declared in, of this test alone."""
    metadata = MetaData()
    for table in models.Base.metadata.tables.values():
        table.to_metadata(metadata)
    monkeypatch.setattr(models.Base, "metadata", metadata)
    monkeypatch.delitem(sys.modules, "core.db", raising=False)
    monkeypatch.delattr(core, "db", raising=False)
    return metadata


def test_tables_and_their_relationships_are_declared_anew(project: Project, metadata: MetaData) -> None:
    project.write("town/tables.py", TABLES)
    before = project.load("town.tables")
    configure_mappers()
    project.sources.watch()
    project.write("town/tables.py", TABLES.replace("rooms:", "storeys: Mapped[int]\n    rooms:"))
    project.sources.refresh()
    after = project.load("town.tables")
    assert "storeys" in str(select(after.House).join(after.House.rooms))
    assert metadata.tables["town_houses"] is after.House.__table__
    assert "storeys" not in str(select(before.House).join(before.House.rooms)), "a run at work goes on with the old"
    assert "sessions" in metadata.tables
    project.write("town/tables.py", TABLES.partition("class Room")[0].replace("rooms:", "# rooms:"))
    project.sources.refresh()
    project.load("town.tables")
    assert "town_rooms" not in metadata.tables


def test_the_tables_of_a_module_that_failed_to_load_are_no_hindrance_to_load_it(
    project: Project, metadata: MetaData
) -> None:
    (project.root / "town" / "square.py").unlink()
    project.write("town/square/__init__.py", 'from core.router import App\napp = App(title="Square")')
    page = "from core.router import page\n{}\n@page(title='Fountain')\ndef fountain(): ...\n"
    project.write("town/square/pages/fountain.py", page.format(f"{TABLES}\nraise LookupError('a mistake')"))
    for _ in range(2):
        (found,) = discover("town")
        assert found.fault is not None
        assert found.fault.summary == "LookupError: a mistake"
    project.write("town/square/pages/fountain.py", page.format(TABLES))
    (found,) = discover("town")
    assert found.fault is None
    assert {"town_houses", "town_rooms"} < metadata.tables.keys()


def test_an_enum_in_a_session_is_the_one_its_module_has_now(
    services: Services, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    colours = "from enum import Enum\n\n\nclass Colour(Enum):\n    RED = 'red'\n"
    monkeypatch.setattr("core.codec._ENUM_PACKAGES", ("town.",))
    project.write("town/colours.py", colours)
    session: UserSession = services.engine.open("anon-1")
    session.set_field("order", "colours", [project.load("town.colours").Colour.RED])
    session.set_field("order", "name", "Ada")
    session.create_form_snapshot("order")
    project.sources.watch()
    project.write("town/colours.py", colours.replace("RED", "BLUE = 'blue'\n    RED"))
    project.sources.refresh()
    services.engine.decode_again(session)
    now = project.load("town.colours").Colour
    assert session.form("order").values == {"colours": [now.RED], "name": "Ada"}
    assert session.form("order").snapshots[0].values["colours"] == [now.RED]
    assert len(session.form("order").snapshots) == 1
