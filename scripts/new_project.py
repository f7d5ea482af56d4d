"""Asks the questions and makes a project, as `cookiecutter .` does. After a bad answer it asks again, offering all."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path

from cookiecutter.config import get_user_config
from cookiecutter.environment import StrictEnvironment
from cookiecutter.exceptions import CookiecutterException, FailedHookException, OutputDirExistsException
from cookiecutter.main import cookiecutter
from cookiecutter.prompt import render_variable
from cookiecutter.replay import load

TEMPLATE = Path(__file__).resolve().parent.parent


def make(folder: str) -> None:
    """Ask until the answers can be used, then make the project below `folder`."""
    answers: dict[str, str] = {}
    while True:
        try:
            cookiecutter(str(TEMPLATE), output_dir=folder, extra_context=answers)
        except FailedHookException:
            pass  # the hook has said which answers can't be used
        except OutputDirExistsException:
            print("There is such a folder already, so nothing was made. Choose another name.", file=sys.stderr)
        else:
            return
        answers = given()
        print("\nOnce more, please; Enter keeps what you answered.\n", file=sys.stderr)


def given() -> dict[str, str]:
    """What was answered last, in the form of defaults: cookiecutter renders those."""
    last = load(get_user_config()["replay_dir"], TEMPLATE.name)["cookiecutter"]
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    answers = {name: str(last[name]) for name in questions if not name.startswith("_")}
    environment = StrictEnvironment(context={"cookiecutter": questions})
    if answers["project"] == render_variable(environment, questions["project"], {**last, "project": ""}):
        del answers["project"]  # it follows from the project's name, which may be another now
    return {name: as_default(answer) for name, answer in answers.items()}


def as_default(answer: str) -> str:
    """A default that is rendered to exactly this answer."""
    if "{" not in answer:
        return answer
    return '{{ "' + "".join(f"\\U{ord(character):08x}" for character in answer) + '" }}'


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
