"""Asks the questions and makes a project, as `cookiecutter .` does. After a bad answer it asks again, offering all."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cookiecutter.prompt
from cookiecutter.config import get_user_config
from cookiecutter.environment import StrictEnvironment
from cookiecutter.exceptions import CookiecutterException, FailedHookException, OutputDirExistsException
from cookiecutter.main import cookiecutter as make_project
from cookiecutter.prompt import render_variable
from cookiecutter.replay import load
from rich.prompt import Confirm, Prompt

from core.scripts.update import as_default

TEMPLATE = Path(__file__).resolve().parent.parent


def make(folder: str) -> None:
    """Ask until the answers can be used, then make the project below `folder`."""
    answers: dict[str, str] = {}
    cookiecutter.prompt.read_user_choice = choose
    while True:
        try:
            made = Path(make_project(str(TEMPLATE), output_dir=folder, extra_context=answers))
        except FailedHookException:
            if not refused(answered()):
                raise
        except OutputDirExistsException:
            print("There is such a folder already, so nothing was made. Choose another name.", file=sys.stderr)
        else:
            offer_git(made)
            return
        answers = given()
        print("\nOnce more, please; Enter keeps what you answered.\n", file=sys.stderr)


def offer_git(project: Path) -> None:
    """Offer to put a project under git, where there is git and the project is in no repository yet."""
    git = shutil.which("git")
    if git is None or not subprocess.run([git, "rev-parse"], cwd=project, capture_output=True, check=False).returncode:
        return
    with contextlib.suppress(EOFError):
        if Confirm.ask("Put it under git, on a branch main?", default=True):
            subprocess.run([git, "init", "--quiet", "--initial-branch", "main"], cwd=project, check=True)
            subprocess.run([git, "add", "--all"], cwd=project, check=True)
            print("Nothing is committed yet; .env and data are left out.")


def given() -> dict[str, str]:
    """What was answered last, in the form of defaults: cookiecutter renders those."""
    last = answered()
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    answers = {name: str(last[name]) for name in questions if not name.startswith("_")}
    environment = StrictEnvironment(context={"cookiecutter": questions})
    if answers["project"] == render_variable(environment, questions["project"], {**last, "project": ""}):
        del answers["project"]  # it follows from the project's name, which may be another now
    return {name: as_default(answer) for name, answer in answers.items()}


def answered() -> dict[str, Any]:
    """What was answered last, and what follows from it."""
    last: dict[str, Any] = load(get_user_config()["replay_dir"], TEMPLATE.name)["cookiecutter"]
    return last


def refused(answers: dict[str, Any]) -> list[str]:
    """Why the first hook, which has said so, refuses these answers; nothing if something else has failed."""
    hook = runpy.run_path(str(TEMPLATE / "hooks" / "pre_gen_project.py"))
    problems: list[str] = hook["problems"](answers)
    return problems


def choose(name: str, options: list[str], prompts: dict[str, Any] | None = None, prefix: str = "") -> str:
    """Ask for one of the options, by its name or its number: cookiecutter's own question takes numbers only."""
    texts = (prompts or {}).get(name, name)
    texts = {"__prompt__": texts} if isinstance(texts, str) else texts
    numbers = {str(number): option for number, option in enumerate(options, start=1)}
    lines = [f"{prefix}{texts.get('__prompt__', name)}"]
    for number, option in numbers.items():
        text = f" - {texts[option]}" if option in texts else ""
        lines.append(f"    [bold magenta]{number}[/] or [bold magenta]{option}[/]{text}")
    question = "\n".join([*lines, "    Choose by number or name"])
    answer = Prompt.ask(
        question, choices=[*numbers, *options], default=options[0], show_choices=False, case_sensitive=False
    )
    return numbers.get(answer, answer)


def main() -> int:
    parser = argparse.ArgumentParser(description="Ask the questions and make a project.")
    parser.add_argument("folder", help="where the project's folder is to be")
    folder = parser.parse_args().folder
    logging.getLogger("cookiecutter").setLevel(logging.CRITICAL)  # what it has to say is said here
    try:
        make(folder)
    except (EOFError, KeyboardInterrupt):
        print("\nNothing was made.", file=sys.stderr)
        return 1
    except CookiecutterException as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
