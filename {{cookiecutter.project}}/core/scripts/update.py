"""Bring a project to another version of its template, and keep what its team wrote. Needs nothing but Python and git.

The template is rendered as it was when the project was made and as it is now, with the same answers. Git takes the
difference over, three ways. `core/` is replaced as a whole; what the team changed in it is named, kept beside as
`.orig`, and offered as a patch. Nothing is committed before all conflicts are settled, and checks and tests pass.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.scripts.manifest import ENGINE, MANIFEST, NOTE, note_of, read_note, version, write_note

LOCKS = ("requirements.lock", "deploy/requirements.lock")
PATCH = "engine.patch"
IDENTITY = {f"GIT_{who}_{what}": "template" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class UpdateError(Exception):
    """The update can't begin or go on. The message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """An update that is under way, as `.git/keep-update/state.json` notes it."""

    head: str
    """The project's commit it began at."""
    theirs: str
    """A commit of the project as the template gives it now; its parent is as it was given."""
    title: str
    tests: bool
    kept: list[str]
    """Files `.orig` beside changed ones of the engine."""


class Project:
    """A project's folder and its git repository, of which it may be a part."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if not (self.root / "manage.py").is_file():
            raise UpdateError(f"{self.root} is no project: there is no manage.py in it.")
        try:
            self.prefix = self.git("rev-parse", "--show-prefix")
            self.notes = self.root / self.git("rev-parse", "--git-path", "keep-update")
            self.head = self.git("rev-parse", "--verify", "HEAD")
        except FileNotFoundError:
            raise UpdateError("git was not found, and merges the update. Install it.") from None
        except UpdateError as error:
            remedy = "Run: git init && git add --all && git commit --message 'The project as it is'"
            raise UpdateError(f"The project's files are not committed to git. {remedy}") from error

    def git(self, *arguments: str, **environment: str) -> str:
        return git(self.root, *arguments, **environment)

    def read(self, commit: str, name: str) -> bytes:
        """Return what a file of the project holds at a commit; nothing where there is none."""
        command = ["git", "-C", str(self.root), "show", f"{commit}:{self.prefix}{name}"]
        return subprocess.run(command, capture_output=True, check=False).stdout  # noqa: S603

    def tracked(self, *paths: str) -> list[str]:
        """Return the names of the committed files at or below these paths of the project."""
        return [name for name in self.git("ls-files", "-z", "--", *paths).split("\0") if name]

    def conflicts(self) -> dict[str, str]:
        """Return the two letters that `git status` has for each file that is in conflict, by its path from the root."""
        entries = self.git("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames").split("\0")
        both = {entry[3:].removeprefix(self.prefix): entry[:2] for entry in entries if entry}
        return {name: letters for name, letters in both.items() if "U" in letters or letters in ("AA", "DD")}

    def tree(self, folder: Path) -> str:
        """Store the files below a folder as the project's, and return their tree."""
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            place = ("--git-dir", self.git("rev-parse", "--absolute-git-dir"), "--work-tree", str(folder))
            git(folder, *place, "add", "--all", "--force", ".", **index)
            return git(folder, *place, "write-tree", **index)

    def load(self) -> Update | None:
        file = self.notes / "state.json"
        return Update(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None

    def save(self, update: Update) -> None:
        self.notes.mkdir(exist_ok=True)
        (self.notes / "state.json").write_text(json.dumps(asdict(update)), encoding="utf-8")


def git(folder: Path, *arguments: str, **environment: str) -> str:
    """Return what git prints. Raises UpdateError where it refuses."""
    command = ["git", "-C", str(folder), *arguments]
    result = subprocess.run(  # noqa: S603
        command, env=os.environ | environment, capture_output=True, encoding="utf-8", check=False
    )
    if result.returncode:
        raise UpdateError(f"git {arguments[0]} failed: {(result.stderr or result.stdout).strip()}")
    return result.stdout.rstrip("\n")


def begin(project: Project, options: argparse.Namespace) -> None:
    """Take over what changed in the template, and go on as far as no decision is needed."""
    if project.load():
        raise UpdateError(
            f"An update is under way. Go on with: {again('--continue')}, or take it back: {again('--abort')}"
        )
    if not options.check and (changed := project.git("status", "--porcelain")):
        remedy = "Commit it, or put it away with: git stash --include-untracked"
        raise UpdateError(f"There is work that was not committed:\n{changed}\n{remedy}")
    note = read_note(project.root)
    with the_template(note, options.template) as template:
        old, new = commits(template, note, options)
        versions = [
            at(template, commit, f"{folder_of(template, commit)}/{ENGINE}/VERSION", "0.1.0") for commit in (old, new)
        ]
        title = f"{versions[0]} ({old[:12]}) to {versions[1]} ({new[:12]})"
        if old == new:
            print(f"The project is at the template's newest version, {versions[0]} ({old[:12]}).")
            return
        print(f"From {title}:\n{changes(at(template, old, 'CHANGELOG.md'), at(template, new, 'CHANGELOG.md'))}")
        if options.check:
            return
        update = prepare(project, template, note, old, new, title=title, tests=not options.no_tests)
    merge(project, update)
    go_on(project, update)


@contextmanager
def the_template(note: dict[str, Any], place: str | None) -> Iterator[Path]:
    """Yield a clone of the template, from the place given or noted."""
    place = place or note.get("template")
    if not place:
        raise UpdateError(
            f"It isn't known where the template is ({_why(note)}). Say so: make update TEMPLATE=ADDRESS_OR_FOLDER"
        )
    with tempfile.TemporaryDirectory(prefix="update-") as scratch:
        clone = Path(scratch) / "template"
        git(
            Path(scratch), "clone", "--quiet", str(Path(place).resolve()) if Path(place).is_dir() else place, str(clone)
        )
        yield clone


def commits(template: Path, note: dict[str, Any], options: argparse.Namespace) -> tuple[str, str]:
    """Return the template's commits that the project was made from and that it is to be brought to."""
    known = options.from_ or note.get("commit")
    if not known:
        raise UpdateError(
            f"It isn't known which commit the project was made from ({_why(note)}). Say so: make update FROM=COMMIT"
        )
    old, new = resolve(template, known), resolve(template, options.to or "HEAD")
    if old != new and not git(template, "rev-list", "--max-count=1", f"{old}..{new}"):
        raise UpdateError(
            f"{options.to or 'The template'} is older than what the project was made from. Nothing was changed."
        )
    return old, new


def _why(note: dict[str, Any]) -> str:
    """Return why a note lacks something."""
    return str(note.get("unknown", f"the project has no {NOTE}"))


def resolve(template: Path, name: str) -> str:
    """Return the commit of a version, tag, branch or commit."""
    for form in (name, f"v{name}", f"origin/{name}"):
        try:
            return git(template, "rev-parse", "--quiet", "--verify", f"{form}^{{commit}}")
        except UpdateError:
            continue
    raise UpdateError(f"The template has no {name}. If it is a shallow clone, run there: git fetch --unshallow")


def at(template: Path, commit: str, file: str, default: str = "") -> str:
    """Return what a file of the template held at a commit."""
    try:
        return git(template, "show", f"{commit}:{file}").strip()
    except UpdateError:
        return default


def folder_of(template: Path, commit: str) -> str:
    """Return the name of the folder that becomes the project."""
    names = git(template, "ls-tree", "--name-only", "-z", commit).split("\0")
    return next(name for name in names if name.startswith("{{"))


def changes(old: str, new: str) -> str:
    """Return the lines of a changelog that the older one lacks, below their headings."""
    known, found, heading = set(old.splitlines()), list[str](), ""
    for line in new.splitlines():
        if line.startswith("## "):
            heading = line
        elif line and not line.startswith("#") and line not in known:
            found += [heading, line] if heading else [line]
            heading = ""
    return "\n".join(found) or "(no word of it in the changelog)"


def prepare(
    project: Project, template: Path, note: dict[str, Any], old: str, new: str, *, title: str, tests: bool
) -> Update:
    """Render both states, store them as two commits beside the project's, and note what is to be done."""
    answers = note.get("context", {}).get("cookiecutter") or answers_of(project.root)
    tops = [render(template, commit, answers, project.prefix) for commit in (old, new)]
    given, wanted = (top / project.prefix for top in tops)
    write_note(wanted, renewed(note, answers, read_note(wanted), new, version(wanted)))
    for example in (given / "apps").iterdir():
        if example.is_dir() and not (project.root / "apps" / example.name).exists():  # removed stays removed
            for rendered in (given, wanted):
                shutil.rmtree(rendered / "apps" / example.name, ignore_errors=True)
    of_engine = ("diff", "--no-renames", "--relative", project.tree(tops[0]), project.head)
    paths = ("--", ENGINE, f":(exclude){ENGINE}/{MANIFEST}")
    changed = project.git(*of_engine, "--name-only", "-z", "--diff-filter=AM", *paths).split("\0")
    project.notes.mkdir(exist_ok=True)
    patch = project.git(*of_engine, "--binary", "--full-index", *paths)
    (project.notes / PATCH).write_text(f"{patch}\n" if patch else "", encoding="utf-8")
    # What the template has of these now is taken as it is: the older state is said to be the project's own.
    for path in (ENGINE, NOTE, *LOCKS):
        shutil.rmtree(given / path) if (given / path).is_dir() else (given / path).unlink(missing_ok=True)
        for name in project.tracked(path):
            (given / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project.root / name, given / name)
    base = project.git("commit-tree", project.tree(tops[0]), "-m", f"The template at {old}", **IDENTITY)
    theirs = project.git("commit-tree", project.tree(tops[1]), "-p", base, "-m", f"The template at {new}", **IDENTITY)
    kept = [f"{name}.orig" for name in changed if name]
    return Update(head=project.head, theirs=theirs, title=title, tests=tests, kept=kept)


def render(template: Path, commit: str, answers: dict[str, str], prefix: str) -> Path:
    """Return a folder with the project as a commit of the template makes it, without apps of its own and secrets."""
    git(template, "checkout", "--quiet", "--detach", commit)
    asked = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    given = {name: answer for name, answer in answers.items() if name in asked} | {"apps": ""}
    with tempfile.TemporaryDirectory(dir=template.parent) as scratch:
        settings = Path(scratch) / "settings.yaml"  # neither a person's defaults nor their record of answers takes part
        settings.write_text(json.dumps({"replay_dir": scratch, "cookiecutters_dir": scratch}), encoding="utf-8")
        command = [sys.executable, "-m", "cookiecutter", str(template), "--no-input", "--output-dir", f"{scratch}/out"]
        result = subprocess.run(  # noqa: S603
            [*command, *(f"{name}={as_default(answer)}" for name, answer in given.items())],
            env=os.environ | {"COOKIECUTTER_CONFIG": str(settings)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        if result.returncode:
            if "No module named cookiecutter" in result.stdout:
                raise UpdateError("cookiecutter, which renders the template, is not installed. Run: make setup")
            raise UpdateError(f"The template can't be rendered at {commit[:12]}: {result.stdout.strip()}")
        (rendered,) = Path(scratch, "out").iterdir()
        (rendered / ".env").unlink(missing_ok=True)  # versions before 0.2.0 made one
        place = template.parent / commit / prefix
        place.parent.mkdir(parents=True, exist_ok=True)
        rendered.rename(place)
    return template.parent / commit


def as_default(answer: str) -> str:
    """Return a default that cookiecutter renders to exactly this answer."""
    if "{" not in answer:
        return answer
    return '{{ "' + "".join(f"\\U{ord(character):08x}" for character in answer) + '" }}'


def answers_of(root: Path) -> dict[str, str]:
    """Return the answers of a project that has no note of them, as `pyproject.toml` has them."""
    with (root / "pyproject.toml").open("rb") as file:
        configuration = tomllib.load(file)
    project, keep = configuration["project"], configuration["tool"]["keep"]
    author = project["authors"][0]
    return {
        "project_name": keep["title"],
        "project": project["name"],
        "description": project["description"],
        "author": author["name"],
        "email": author["email"],
        "apps": "",
        "database": "postgresql" if keep["database_url"].startswith("postgresql") else "sqlite",
        "auth": keep["auth"],
        "license": project["license"].removeprefix("LicenseRef-"),
        "ci": "github" if (root / ".github").exists() else "none",
    }


def renewed(
    old: dict[str, Any], answers: dict[str, str], rendered: dict[str, Any], commit: str, now: str
) -> dict[str, Any]:
    """Return the note of the updated project: with what the template wrote, and what only the old one knows."""
    template = rendered.get("template") or old.get("template")
    unknown = "" if template else "the template had no address, only a folder"
    asked = rendered.get("context", {}).get("cookiecutter", {}) | answers
    return note_of(template, commit, now, {"cookiecutter": asked}, unknown)


def merge(project: Project, update: Update) -> None:
    """Take the difference of the template's two states over into the folder and the index."""
    project.save(update)
    # A template's file that was renamed by the team is the team's: what only looks like it may be an app.
    picked = ("cherry-pick", "--no-commit", "--strategy=ort", "--strategy-option=no-renames", update.theirs)
    try:
        project.git(*picked)
    except UpdateError:
        if not project.conflicts():
            raise
    for name, letters in project.conflicts().items():
        if letters == "DU":  # removed by the team
            project.git("rm", "--quiet", "--cached", "--ignore-unmatch", "--", name)
            (project.root / name).unlink(missing_ok=True)
    for name in update.kept:
        changed = project.root / name.removesuffix(".orig")
        beside = project.root / name
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(project.read(update.head, changed.relative_to(project.root).as_posix()))
    if update.kept:
        print(
            f"The engine is replaced as a whole. Changed by you, and kept beside:\n  {chr(10).join(update.kept)}\n"
            f"To make your changes in it again: git apply --3way {os.path.relpath(project.notes / PATCH, project.root)}"
        )
    if conflicts := project.conflicts():
        print(f"In conflict:\n  {(chr(10) + '  ').join(conflicts)}")
    if conflicts or update.kept:
        raise UpdateError(f"Decide on these, then run: {again('--continue')}. To take all back: {again('--abort')}")


def go_on(project: Project, update: Update) -> None:
    """Renew the lock, check, test and commit."""
    if project.head != update.head:
        raise UpdateError(
            f"There were commits since the update began. Take them back, or the update: {again('--abort')}"
        )
    for name in project.conflicts():
        file = project.root / name
        if file.is_file() and b"\n<<<<<<< " in b"\n" + file.read_bytes():
            raise UpdateError(f"{name} is in conflict still. Mend it, then run: {again('--continue')}")
        project.git("add", "--all", "--", name)
    project.git("add", "--update", ".")
    lock(project, update)
    if update.tests:
        for target in ("check", "test"):
            make(project, target, f"Mend what it says, then run: {again('--continue')}")
    project.git("commit", "--quiet", "--message", f"Update the template from {update.title}")
    (project.notes / "state.json").unlink()
    print(f"Updated from {update.title}, in one commit. What people entered is as it was.")
    print("Before the server starts: back up (docs/operations.md), then migrate: .venv/bin/python manage.py migrate")


def lock(project: Project, update: Update) -> None:
    """Lock the team's own dependencies beside the template's, each as it was locked before."""
    configuration = project.root / "pyproject.toml"
    theirs = project.read(update.theirs, configuration.name).decode()
    try:
        if dependencies(configuration.read_text(encoding="utf-8")) == dependencies(theirs):
            return
    except tomllib.TOMLDecodeError as error:
        raise UpdateError(f"{configuration.name}: {error}. Mend it, then run: {again('--continue')}") from error
    before = pinned(project.read(update.head, LOCKS[0]).decode())
    pins = before | pinned(project.read(update.theirs, LOCKS[0]).decode())
    (project.root / LOCKS[0]).write_text("".join(pins[name] for name in sorted(pins)), encoding="utf-8")
    make(project, "lock", f"Then run: {again('--continue')}", "READY=", "UPGRADE=")
    project.git("add", "--", *LOCKS)
    print(f"Locked the project's own dependencies beside the template's, in {LOCKS[0]}.")


def dependencies(configuration: str) -> Any:
    """Return what a `pyproject.toml` depends on."""
    read = tomllib.loads(configuration)
    return read["project"]["dependencies"], read.get("dependency-groups")


def pinned(locked: str) -> dict[str, str]:
    """Return the lines of each package in a lock, by its name."""
    found: dict[str, str] = {}
    for line in locked.splitlines(keepends=True):
        if "==" in line and not line.startswith((" ", "#")):
            name = line.partition("==")[0]
        found[name] = found.get(name, "") + line
    return found


def make(project: Project, target: str, remedy: str, *variables: str) -> None:
    """Run a target of the project's Makefile. Raises UpdateError where it fails."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    }
    command = ["make", "--no-print-directory", target, *variables]
    if subprocess.run(command, cwd=project.root, env=environment, check=False).returncode:  # noqa: S603
        raise UpdateError(
            f"make {target} failed, so nothing was committed. {remedy}. To take all back: {again('--abort')}"
        )


def abort(project: Project, update: Update) -> None:
    """Put the project back to what it was when the update began."""
    if project.head != update.head:
        raise UpdateError(f"There were commits since the update began. Take them back: git reset --soft {update.head}")
    project.git("reset", "--quiet", "--hard", update.head)
    for name in update.kept:
        (project.root / name).unlink(missing_ok=True)
    (project.notes / "state.json").unlink()
    print("The project is as it was.")


def again(option: str) -> str:
    return f".venv/bin/python -m core.scripts.update {option}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="manage.py update", description=__doc__)
    parser.add_argument("--to", help="a version, tag, branch or commit of the template; its newest commit if not given")
    parser.add_argument(
        "--from", dest="from_", metavar="COMMIT", help="of the template, where the project has no note of it"
    )
    parser.add_argument("--template", help="address or folder of the template, where it isn't the noted one")
    parser.add_argument(
        "--check", action="store_true", help="only say whether there is a newer one, and what it changes"
    )
    parser.add_argument("--no-tests", action="store_true", help="don't run make check and make test at the end")
    parser.add_argument("--continue", dest="continue_", action="store_true", help="go on after a conflict or a failure")
    parser.add_argument("--abort", action="store_true", help="take back an update that is under way")
    parser.add_argument("--project", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        project = Project(options.project)
        if not (options.continue_ or options.abort):
            begin(project, options)
        elif (update := project.load()) is None:
            raise UpdateError("No update is under way. Begin one: make update")
        else:
            (abort if options.abort else go_on)(project, update)
    except UpdateError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
