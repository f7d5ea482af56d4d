"""Finds the apps and pages of a project: whatever lies in `apps/` is there, nothing is registered by hand.

    apps/orders/__init__.py         app = App(title="Orders", icon=":material/inventory_2:", order=20)
    apps/orders/pages/overview.py   @page(title="Overview", order=1)
                                    @requires("orders.read")
                                    def overview() -> None: ...

The engine has apps of its own in `core/apps/`; one of the project's with the same name takes its place.
An app or page that can't be imported becomes a `Fault` in its place, for administrators to see; the others go on.
"""

from __future__ import annotations

import importlib
import pkgutil
import sysconfig
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from core.errors import KeepError, message_of
from core.reload import get_sources
from core.scripts.new_app import SERVER_PATHS
from core.settings import PROJECT_ROOT

PACKAGE = "apps"
PACKAGES = (PACKAGE, "core.apps")
"""Packages that are searched for apps; the first app of a name counts."""
HOME = "home"
"""The app whose first page is served at `/`. Without an app of that name it is the first app."""

LAST = 1_000_000
"""The order of what is broken."""

SEES_FAULTS = "admin.health"
"""The permission to see what is broken: what its own code would ask for isn't known."""

_STDLIB = Path(sysconfig.get_path("stdlib"))

PageFunction = Callable[[], None]


class DiscoveryError(KeepError):
    """A file in `apps/` lacks what discovery looks for. The message names it and shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The declaration of an app in `apps/<name>/__init__.py`. `order` sorts the navigation, smallest first.

    `roles` are permissions by role, such as `{"clerk": ["orders.use"]}`. `manage.py migrate` creates the roles that are
    missing, and grants the others what is declared of them for the first time. It takes nothing, and what was taken in
    Admin, Roles or by `manage.py roles save` doesn't come back.
    """

    title: str
    icon: str = ":material/widgets:"
    order: int = 100
    description: str = ""
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)


_Folders = dict[Path, int]
"""Folders, each with the moment it changed last."""
_JUST_NOW_NS = 1_000_000_000
"""A folder that changed so shortly ago may change again without telling: file systems count coarsely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error for which an app or a page can't be shown: `file` relative to the project, `line` in it."""

    file: str
    line: int
    error: BaseException = field(repr=False)

    @property
    def summary(self) -> str:
        """The error's kind and message, in one line."""
        return " ".join(f"{type(self.error).__name__}: {message_of(self.error)}".split())

    @classmethod
    def of(cls, error: BaseException, fallback: Path | None = None) -> Fault:
        """Locate an error that was caught: its innermost frame in an app, else line 1 of `fallback`.

        Without either, the innermost frame that is in no library. The traceback begins in the app, without what led
        to it: how this module imports, how Streamlit runs a page.
        """
        packages = [PROJECT_ROOT.joinpath(*package.split(".")) for package in PACKAGES]
        homes = [*packages, *([fallback.parent] if fallback else [])]
        begin = error.__traceback__
        while begin is not None and not _is_in(homes, begin.tb_frame.f_code.co_filename):
            begin = begin.tb_next
        if begin is not None or fallback is not None:
            error.__traceback__ = begin
        if isinstance(error, SyntaxError) and error.filename:
            return cls(file=_relative(Path(error.filename)), line=error.lineno or 1, error=error)
        frames = traceback.extract_tb(error.__traceback__)
        theirs = [frame for frame in frames if _is_in(homes, frame.filename)]
        if not theirs and fallback is not None:
            return cls(file=_relative(fallback), line=1, error=error)
        frame = (theirs or [each for each in frames if not _is_of_library(each.filename)] or frames)[-1]
        return cls(file=_relative(Path(frame.filename)), line=frame.lineno or 1, error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSpec:
    """One page. `name` is what `navigate_to` takes and, but for the home page, the page's URL."""

    name: str
    title: str
    icon: str
    order: int
    app: App
    app_name: str
    """The name of the app's folder."""
    permissions: tuple[str, ...] = ()
    function: PageFunction = lambda: None
    fault: Fault | None = None
    """Set where the app or page can't be shown; `function` then does nothing."""
    listed: bool = True
    needs_sign_in: bool = False
    """It is about people who sign in; where nobody does there is nothing to show."""
    public: bool = False
    """Anybody may open it, before sign-in too, if the project's `main.py` shows pages then."""

    @property
    def full_title(self) -> str:
        """The page's title with its app's, unless they are the same."""
        return self.title if self.title == self.app.title else f"{self.app.title}: {self.title}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The pages that were found in packages."""

    roots: tuple[ModuleType, ...]
    """The packages' modules, which are others once code was reloaded."""
    paths: list[list[str]]
    """The folders of each package."""
    folders: _Folders
    specs: list[PageSpec]

    def is_current(self, roots: tuple[ModuleType, ...]) -> bool:
        """Return True if neither these packages nor a folder of theirs are others by now."""
        return (
            self.roots == roots
            and self.paths == _paths(roots)
            and all(_changed_at(folder) == then for folder, then in self.folders.items())
        )

    def may_be_outdated(self) -> bool:
        """Return True if what was found may be different at the next look, though no folder says so."""
        is_broken = any(spec.fault for spec in self.specs)
        return is_broken or time.time_ns() - max(self.folders.values(), default=0) < _JUST_NOW_NS


_known: dict[tuple[str, ...], _Known] = {}
"""By the names of the packages."""


def page(
    *, title: str, icon: str | None = None, order: int = 100, listed: bool = True, needs_sign_in: bool = False
) -> Callable[[PageFunction], PageFunction]:
    """Mark a function as the page of its module. The page with the smallest `order` is the app's first.

    `listed=False` keeps the page out of the navigation; it is still reachable by its URL and by `navigate_to`.
    `needs_sign_in=True` keeps it out where nobody signs in (`AUTH=none`), and says so at its URL.
    """

    def mark(function: PageFunction) -> PageFunction:
        declared = {"title": title, "icon": icon, "order": order, "listed": listed, "needs_sign_in": needs_sign_in}
        function.__keep_page__ = declared  # type: ignore[attr-defined]
        return function

    return mark


def discover(*packages: str) -> list[PageSpec]:
    """Return every page of every app in `packages`, in the order of the navigation. The first one is the home page.

    Without `packages`: of the project's apps and the engine's. They are looked for again only once a folder of theirs
    has changed, code was reloaded, or while one of them is broken: each run asks for them.
    """
    names = packages or PACKAGES
    with get_sources().lock:
        roots = tuple(map(importlib.import_module, names))
        known = _known.get(names)
        if known is None or not known.is_current(roots):
            folders: _Folders = {}
            specs = _sorted(list(_all(roots, folders)))
            known = _Known(roots=roots, paths=_paths(roots), folders=folders, specs=specs)
            if not known.may_be_outdated():
                _known[names] = known
    return list(known.specs)


def _sorted(found: Iterable[PageSpec]) -> list[PageSpec]:
    """Return the pages in the order of the navigation, each with an address of its own."""
    specs: list[PageSpec] = []
    taken: dict[str, str] = {}
    for spec in sorted(found, key=lambda spec: (spec.app_name != HOME, spec.app.order, spec.app_name)):
        if spec.name in taken:
            clash = DiscoveryError(f"The address /{spec.name} is taken by the app {taken[spec.name]!r}. Rename one.")
            spec = replace(
                spec,
                name=f"{spec.name}-{spec.app_name}",
                permissions=(SEES_FAULTS,),
                fault=Fault.of(clash, PROJECT_ROOT / PACKAGE / spec.app_name),
            )
        taken[spec.name] = spec.app_name
        specs.append(spec)
    return specs


def _all(packages: Iterable[ModuleType], folders: _Folders) -> Iterator[PageSpec]:
    """Yield the pages of packages, and note the folders that were looked through."""
    homes: dict[str, ModuleType] = {}
    for package in packages:
        homes = {**dict.fromkeys(_names(package, folders), package), **homes}
    for name, root in homes.items():
        try:
            if name in SERVER_PATHS:
                raise DiscoveryError(f"The server answers at /{name} itself. Rename its folder, such as {name}_app.")
            module = importlib.import_module(f"{root.__name__}.{name}")
            app = getattr(module, "app", None)
            if not isinstance(app, App):
                raise DiscoveryError('It has no app. Add: app = App(title="…", icon=":material/widgets:")')
            yield from _pages(name, app, module, folders)
        except Exception as error:  # noqa: BLE001 - whatever the team's code raises becomes a card; the others go on
            stand_in = App(title=name.replace("_", " ").capitalize())
            slug = f"{name}-app" if name in SERVER_PATHS else name
            yield _broken(slug, name, stand_in, Fault.of(error, Path(root.__path__[0]) / name / "__init__.py"))


def _pages(name: str, app: App, module: ModuleType, folders: _Folders) -> list[PageSpec]:
    folder, stems = Path(module.__path__[0]) / "pages", _names(module, folders, "pages")
    found = [_page(name, app, f"{module.__name__}.pages.{stem}", folder / f"{stem}.py") for stem in stems]
    if not found:
        raise DiscoveryError("The app has no pages. Add a module with a function marked @page to its folder pages/.")
    found.sort(key=lambda spec: (spec.order, spec.name))
    return [replace(found[0], name=name.replace("_", "-")), *found[1:]]


def _page(name: str, app: App, module: str, file: Path) -> PageSpec:
    slug = f"{name}-{file.stem}".replace("_", "-")
    try:
        function = _page_of(importlib.import_module(module))
    except Exception as error:  # noqa: BLE001 - as above: one page's trouble is its own
        return _broken(slug, name, app, Fault.of(error, file), title=file.stem.replace("_", " ").capitalize())
    declared = function.__keep_page__  # type: ignore[attr-defined]
    return PageSpec(
        **{**declared, "icon": declared["icon"] or app.icon},
        name=slug,
        app=app,
        app_name=name,
        permissions=tuple(getattr(function, "required_permissions", ())),
        function=function,
    )


def _page_of(module: ModuleType) -> PageFunction:
    """Return the one function of a module that is marked as a page."""
    marked = [
        value
        for value in vars(module).values()
        if isinstance(getattr(value, "__keep_page__", None), dict) and value.__module__ == module.__name__
    ]
    if len(marked) != 1:
        raise DiscoveryError(f"It has {len(marked)} functions marked @page(title=…) and needs exactly one.")
    function: PageFunction = marked[0]
    return function


def _broken(slug: str, name: str, app: App, fault: Fault, title: str | None = None) -> PageSpec:
    return PageSpec(
        name=slug.replace("_", "-"),
        title=title or app.title,
        icon=":material/error:",
        order=LAST,
        app=app,
        app_name=name,
        permissions=(SEES_FAULTS,),
        fault=fault,
    )


def _names(module: ModuleType, folders: _Folders, subfolder: str = "") -> Iterator[str]:
    looked_through = [Path(folder) / subfolder for folder in module.__path__]
    folders |= {folder: _changed_at(folder) for folder in looked_through}
    return (info.name for info in pkgutil.iter_modules(map(str, looked_through)) if not info.name.startswith("_"))


def _paths(packages: Iterable[ModuleType]) -> list[list[str]]:
    return [list(package.__path__) for package in packages]


def _changed_at(folder: Path) -> int:
    """Return when something was last added to a folder or removed, in nanoseconds; 0 for one that isn't there."""
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _is_of_library(file: str) -> bool:
    return (
        file.startswith("<")
        or not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
        or _is_in([_STDLIB], file)
    )


def _is_in(homes: list[Path], file: str) -> bool:
    return any(Path(file).is_relative_to(home) for home in homes)


def _relative(path: Path) -> str:
    return str(path.relative_to(PROJECT_ROOT)) if path.is_relative_to(PROJECT_ROOT) else path.name
