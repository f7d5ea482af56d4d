"""Reloads the team's code in development when a file of it was saved; `core` stays as long as the process.

By itself Streamlit forgets every local module when one file changes. What `core` holds, such as services, connections
and sentinels, would then exist twice, so `.streamlit/config.toml` makes Streamlit watch no module. Here only what is
the team's is forgotten, between two runs and once for all tabs; the next import reads it anew.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path

from core.settings import PROJECT_ROOT

_ENGINE = "core"
_KEPT = frozenset({_ENGINE, "app", "__main__"})
"""Top-level modules that the server holds on to: the engine, `app.py`, and the script that Streamlit runs anyway."""
_RENEWED = "core.db"
"""The engine's one module that goes with the team's: it has the registry that their tables are declared in."""
_READ_AT_START = ("app.py", ".env", "pyproject.toml")

_Signature = tuple[int, int] | None
_Files = dict[Path, _Signature]


class Sources:
    """The project's files as they were when they were loaded. Does nothing until `watch` is called."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._is_watching = False
        self._places: dict[str, Path | None] = {}
        self._team: dict[Path, _Files] = {}
        """By the file or folder of each of the team's top-level modules."""
        self._engine: _Files = {}
        self.lock = threading.RLock()
        """Held while modules are forgotten; hold it while importing several that belong together."""
        self.generation = 0
        """The number of times the team's modules were forgotten: their classes are others from one to the next."""
        self.outdated: tuple[str, ...] = ()
        """Files whose changes need a restart: those of the engine, and what is read at the start only."""

    def watch(self) -> None:
        """Begin: what is on disk now counts as loaded."""
        engine = [file for file in (self._root / _ENGINE).rglob("*") if file.is_file()]
        files = [*engine, *(self._root / name for name in _READ_AT_START)]
        self._engine = {file: _signature(file) for file in files if "__pycache__" not in file.parts}
        self._is_watching = True
        self.refresh()

    def refresh(self) -> int:
        """Forget the team's modules if one of their files was saved, added or removed. Returns the generation."""
        if self._is_watching:
            with self.lock:
                tops = dict(self._tops())
                if changed := self._look(tops.values()):
                    self._forget(tops, changed)
                differ = [file for file, before in self._engine.items() if _signature(file) != before]
                self.outdated = tuple(str(file.relative_to(self._root)) for file in differ)
        return self.generation

    def _look(self, places: Iterable[Path]) -> set[Path]:
        """Return the files that changed since the last look: before what was saved then was loaded."""
        changed: set[Path] = set()
        for place in {*self._team, *places}:
            now = {file: _signature(file) for file in ([place] if place.suffix else place.rglob("*.py"))}
            before = self._team.get(place, now)
            self._team[place] = now
            changed |= {file for file, _ in before.items() ^ now.items()}
        return changed

    def _forget(self, tops: Collection[str], changed: Iterable[Path]) -> None:
        for name in [name for name in list(sys.modules) if name.partition(".")[0] in tops]:
            del sys.modules[name]
        package, _, renewed = _RENEWED.rpartition(".")
        sys.modules.pop(_RENEWED, None)
        vars(sys.modules[package]).pop(renewed, None)  # `from core import db` would find it there
        for file in changed:  # Python takes what it compiled for current where second and size are the same
            Path(cache_from_source(str(file))).unlink(missing_ok=True)
        importlib.invalidate_caches()
        self.generation += 1

    def _tops(self) -> Iterator[tuple[str, Path]]:
        """Yield the team's top-level modules that are loaded, each with its file or folder."""
        for name in [name for name in list(sys.modules) if "." not in name]:
            if name not in self._places:
                self._places[name] = self._place(name)
            if place := self._places[name]:
                yield name, place

    def _place(self, name: str) -> Path | None:
        """Return the file of a top-level module, if it is the team's."""
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if spec is None or name in _KEPT:
            return None
        place, prefix = Path(next(iter(spec.submodule_search_locations or ()), spec.origin or "")), Path(sys.prefix)
        is_installed = prefix.is_relative_to(self._root) and place.is_relative_to(prefix)
        return place if place.is_relative_to(self._root) and not is_installed else None


@cache
def get_sources() -> Sources:
    """Return the sources of this process."""
    return Sources(PROJECT_ROOT)


def _signature(file: Path) -> _Signature:
    """Return a value that changes when a file is saved; None where there is none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
