"""`.env.example` says what is true: every setting is in it, no other is, the values shown are the defaults, and a copy
of it changes nothing."""

from __future__ import annotations

import re
import runpy
import stat
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest
from dotenv import dotenv_values

from core.accounts.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH
from core.accounts.setup import ADMINISTRATOR
from core.settings import PROJECT_ROOT, Settings

EXAMPLE = PROJECT_ROOT / ".env.example"
# Shown with a placeholder, because they have no default or take it from pyproject.toml.
WITHOUT_DEFAULT = {"ADMIN_INITIAL_PASSWORD"}
# A setting is a line that begins with # and no space, so that a copy of the file is empty.
SHOWN = dotenv_values(stream=StringIO(re.sub(r"(?m)^#(?=[A-Z])", "", EXAMPLE.read_text(encoding="utf-8"))))
init_env = runpy.run_path(str(PROJECT_ROOT / "core" / "scripts" / "init_env.py"))


def test_every_setting_is_documented_and_no_other() -> None:
    assert {name.upper() for name in Settings.model_fields} == set(SHOWN)


def test_every_setting_has_a_sentence_above_it() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for before, line in pairwise(lines):
        if line and not line.startswith("# "):
            assert before.startswith("# "), line


@pytest.mark.parametrize("name", sorted(set(SHOWN) - WITHOUT_DEFAULT))
def test_the_value_shown_is_the_default(name: str) -> None:
    field = Settings.model_fields[name.lower()]
    default = field.get_default()
    plain = default.get_secret_value() if hasattr(default, "get_secret_value") else default
    plain = ",".join(plain) if isinstance(plain, tuple) else plain
    shown = SHOWN[name]
    assert shown == (str(plain).lower() if isinstance(plain, bool) else str(plain)) or float(shown or "nan") == plain


def test_a_copy_of_the_example_changes_no_answer() -> None:
    assert dotenv_values(EXAMPLE) == {}


def test_the_values_shown_load(tmp_path: Path) -> None:
    copy = tmp_path / ".env"
    copy.write_text("".join(f"{name}={value}\n" for name, value in SHOWN.items()), encoding="utf-8")
    settings = Settings(_env_file=copy)  # type: ignore[call-arg]
    assert settings.environment == "development"
    assert settings.first_password is None, "a password that everybody can read lets nobody in"


def test_env_is_written_once_and_for_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.keep]\nauth = "password"\n', encoding="utf-8")
    written = init_env["init_env"](tmp_path)
    path = tmp_path / ".env"
    assert dotenv_values(path) == written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert init_env["init_env"](tmp_path) is None
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("keep", "names"),
    [
        ("", {"SECRET_KEY", "ADMIN_INITIAL_PASSWORD"}),
        ('auth = "none"', {"SECRET_KEY"}),
        ('auth = "oidc"\ndatabase_url = "sqlite:///sessions.db"', {"SECRET_KEY"}),
        (
            'database_url = "postgresql+psycopg://keep@localhost:5432/desk"',
            {"SECRET_KEY", "ADMIN_INITIAL_PASSWORD", "DATABASE_URL"},
        ),
    ],
)
def test_the_secrets_follow_from_the_choices(tmp_path: Path, keep: str, names: set[str]) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.keep]\n{keep}\n", encoding="utf-8")
    values = init_env["init_env"](tmp_path)
    assert set(values) == names
    assert Settings(_env_file=tmp_path / ".env")  # type: ignore[call-arg]
    if "DATABASE_URL" in values:
        assert re.fullmatch(r"postgresql\+psycopg://keep:[0-9a-f]{32}@localhost:5432/desk", values["DATABASE_URL"])


@pytest.mark.parametrize("database_url", ["sqlite:///sessions.db", "postgresql+psycopg://keep@localhost:5432/desk"])
def test_production_accepts_the_settings_made_for_it(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[tool.keep]\ndatabase_url = "{database_url}"\n', encoding="utf-8")
    (tmp_path / "deploy").mkdir()
    values = init_env["init_deploy_env"](tmp_path)
    for_the_database = values.pop("POSTGRES_PASSWORD", "")
    assert for_the_database in values["DATABASE_URL"]
    settings = Settings(**{name.lower(): value for name, value in values.items()})
    assert settings.environment == "production"
    assert settings.cookie_secure
    assert settings.resolved_journal_path == Path("/data/journal.db")


def test_the_first_administrator_is_called_the_same_everywhere() -> None:
    assert init_env["ADMINISTRATOR"] == ADMINISTRATOR
    assert MINIMUM_LENGTH <= len(init_env["new_password"]()) <= MAXIMUM_LENGTH
