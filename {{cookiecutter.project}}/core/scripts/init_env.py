"""Write `.env` with fresh secrets, unless there is one. Needs nothing but Python.

Run by `make setup`, in a new project and in a fresh clone. With `--deploy` it writes `deploy/.env` for
`deploy/compose.yaml` instead.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ADMINISTRATOR = "admin"

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that are mistaken for another one
_HEADER = "# Secrets and settings of this machine. Never commit this file. `.env.example` explains every setting.\n"


def init_env(root: Path) -> dict[str, str] | None:
    """Write `root/.env`, readable by its owner only, and return what is in it.

    Returns None, and changes nothing, where the file exists. Which secrets are needed follows from
    `[tool.keep]` in `pyproject.toml`.
    """
    values = new_values(_choices(root))
    return values if write_private(root / ".env", _text(values)) else None


def new_values(choices: dict[str, Any]) -> dict[str, str]:
    """Return the settings a machine needs for these choices, with fresh random secrets."""
    values = {"SECRET_KEY": secrets.token_hex(32)}
    if choices.get("auth", "password") == "password":
        values["ADMIN_INITIAL_PASSWORD"] = new_password()
    database_url = str(choices.get("database_url", ""))
    if database_url.startswith("postgresql"):
        values["DATABASE_URL"] = with_password(database_url, secrets.token_hex(16))
    return values


def init_deploy_env(root: Path) -> dict[str, str] | None:
    """Write `root/deploy/.env` for production and return what is in it; None where the file exists."""
    choices = _choices(root)
    values = {
        "ENVIRONMENT": "production",
        "COOKIE_SECURE": "true",
        **new_values(choices),
        "JOURNAL_PATH": "/data/journal.db",
        "FILES_URL": "/data/files",
    }
    if "DATABASE_URL" in values:
        # The host is the name of the database's container.
        parts = urlsplit(values["DATABASE_URL"])
        values["POSTGRES_PASSWORD"] = parts.password or ""
        values["DATABASE_URL"] = urlunsplit(parts._replace(netloc=parts.netloc.replace("@localhost", "@database")))
    else:
        values["DATABASE_URL"] = "sqlite:////data/sessions.db"
    return values if write_private(root / "deploy" / ".env", _text(values)) else None


def new_password() -> str:
    """Return a random password of about 75 bits that can be read aloud and typed."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3))


def with_password(url: str, password: str) -> str:
    """Return a database address with the password put in."""
    parts = urlsplit(url)
    netloc = f"{parts.username}:{password}@{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    return urlunsplit(parts._replace(netloc=netloc))


def write_private(path: Path, text: str) -> bool:
    """Create a file with mode 600; return False, and change nothing, if it exists."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return True


def _choices(root: Path) -> dict[str, Any]:
    with (root / "pyproject.toml").open("rb") as file:
        choices: dict[str, Any] = tomllib.load(file).get("tool", {}).get("keep", {})
    return choices


def _text(values: dict[str, str]) -> str:
    return _HEADER + "".join(f"{name}={value}\n" for name, value in values.items())


def main() -> int:
    parser = argparse.ArgumentParser(description="Write .env with fresh secrets, unless there is one.")
    parser.add_argument("--deploy", action="store_true", help="write deploy/.env, for production, instead")
    deploy = parser.parse_args().deploy
    root = Path(__file__).resolve().parents[2]
    name, values = ("deploy/.env", init_deploy_env(root)) if deploy else (".env", init_env(root))
    if values is None:
        print(f"{name} is there already and was left as it is.")
        return 0
    print(f"Wrote {name} with new secrets.")
    if password := values.get("ADMIN_INITIAL_PASSWORD"):
        print(f"First administrator: {ADMINISTRATOR}, password: {password} (to be changed at the first sign-in)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
