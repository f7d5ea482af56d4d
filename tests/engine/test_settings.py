"""Settings are read once; what is wrong with them is said all at once, with an example of what is right."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from cryptography.fernet import Fernet
from sqlalchemy.engine import make_url

from core.errors import ConfigurationError
from core.settings import MAKE_A_KEY, PROJECT_ROOT, Settings, get_settings

SECRET = "0123456789abcdef" * 4


@pytest.fixture
def problems(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Read the settings in an environment, and tell what is wrong with it."""

    def read(**environment: str) -> list[str]:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        # What this project chose when it was made must not matter here.
        for name, value in {"DATABASE_URL": "sqlite:///sessions.db", "AUTH": "password", **environment}.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        try:
            get_settings()
        except ConfigurationError as error:
            return error.problems
        return []

    yield read
    get_settings.cache_clear()


def test_the_defaults_are_enough_for_development(problems: Callable[..., list[str]]) -> None:
    assert problems() == []


def test_the_app_does_not_start_and_says_why() -> None:
    command = [sys.executable, "-c", "from core.settings import get_settings; get_settings()"]
    environment = {**os.environ, "DEBOUNCE_DELAY": "soon"}
    answer = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert "DEBOUNCE_DELAY is 'soon'" in answer.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("SESSION_TIMEOUT", "a day", "valid number"),
        ("SESSION_TIMEOUT", "-1", "greater than 0"),
        ("DEBOUNCE_DELAY", "0", "greater than 0"),
        ("DATABASE_URL", "sessions.db", "no database address"),
        ("DATABASE_URL", "mysql://localhost/x", "'mysql'"),
        ("DURABILITY", "database", "needs PostgreSQL"),
        ("AUTH", "magic", "'password', 'oidc' or 'none'"),
        ("OIDC_ROLES", "app-admins=admin", "valid JSON"),
        ("OIDC_ROLES", '["admin"]', "valid dictionary"),
    ],
)
def test_a_wrong_setting_is_named_with_its_problem_and_an_example(
    problems: Callable[..., list[str]], name: str, value: str, part: str
) -> None:
    (problem,) = problems(**{name: value})
    assert name in problem
    assert part in problem
    assert "Example: " in problem


def test_who_is_let_in_and_what_groups_give_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ALLOWED", "@example.com, ada@example.org")
    monkeypatch.setenv("OIDC_ROLES", '{"Our admins, all": "admin"}')
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert settings.oidc_allowed == ("@example.com", "ada@example.org")
    assert settings.oidc_roles == {"Our admins, all": "admin"}
    monkeypatch.setenv("OIDC_ROLES", "")
    assert Settings(_env_file=None).oidc_roles == {}  # type: ignore[call-arg]


def test_all_problems_are_reported_at_once(problems: Callable[..., list[str]]) -> None:
    found = problems(SESSION_TIMEOUT="x", DEBOUNCE_DELAY="y", AUTH="z")
    assert sorted(problem.split()[0] for problem in found) == ["AUTH", "DEBOUNCE_DELAY", "SESSION_TIMEOUT"]


@pytest.mark.parametrize("secret", ["change-me", "change-me" * 10, "0123456789"])
def test_production_refuses_a_placeholder_secret(problems: Callable[..., list[str]], secret: str) -> None:
    (problem,) = problems(ENVIRONMENT="production", SECRET_KEY=secret, COOKIE_SECURE="true")
    assert problem.startswith("SECRET_KEY")
    assert secret not in problem


def test_production_needs_a_real_secret_and_https(problems: Callable[..., list[str]]) -> None:
    assert problems(ENVIRONMENT="production", SECRET_KEY=SECRET, COOKIE_SECURE="true") == []
    (problem,) = problems(ENVIRONMENT="production", SECRET_KEY=SECRET)
    assert problem.startswith("COOKIE_SECURE")


def test_a_secret_is_never_shown(make_settings: Callable[..., Settings]) -> None:
    assert SECRET not in repr(make_settings(secret_key=SECRET))


def test_several_encryption_keys_are_read_in_their_order_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [Fernet.generate_key().decode() for _ in range(2)]
    monkeypatch.setenv("SESSION_ENCRYPTION_KEYS", f" {keys[0]} ,\n{keys[1]},")
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    assert [key.get_secret_value() for key in settings.session_encryption_keys] == keys
    assert not [key for key in keys if key in f"{settings!r} {settings.model_dump_json()}"]
    monkeypatch.setenv("SESSION_ENCRYPTION_KEYS", "")
    assert Settings(_env_file=None).session_encryption_keys == ()  # type: ignore[call-arg]


@pytest.mark.parametrize("key", ["short", "A" * 44, "correct horse battery"])
def test_a_wrong_encryption_key_is_named_by_its_place_and_not_shown(
    problems: Callable[..., list[str]], key: str
) -> None:
    found = problems(SESSION_ENCRYPTION_KEYS=f"{Fernet.generate_key().decode()},{key}")
    assert "key 2 of" in found[0]
    assert "openssl rand" in found[0]
    assert "Example: SESSION_ENCRYPTION_KEYS=" in found[0]
    assert key not in "".join(found)


def test_a_key_made_as_the_message_says_is_one(problems: Callable[..., list[str]]) -> None:
    made = subprocess.run(["bash", "-c", MAKE_A_KEY], capture_output=True, text=True, check=True).stdout.strip()
    assert problems(SESSION_ENCRYPTION_KEYS=made) == []


def test_a_relative_database_path_is_relative_to_the_project(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(database_url="sqlite:///sessions.db", journal_path=Path("journal.db"))
    assert make_url(settings.resolved_database_url).database == str(PROJECT_ROOT / "sessions.db")
    assert settings.resolved_journal_path == PROJECT_ROOT / "journal.db"


def test_a_project_s_cookie_has_a_name_of_its_own_that_never_changes(make_settings: Callable[..., Settings]) -> None:
    secret = token_hex(32)
    names = {make_settings(secret_key=secret, title=title).cookie_name for title in ("Order desk", "Orders", "注文")}
    assert len(names) == 1
    assert make_settings(title="Order desk").cookie_name not in names
    assert make_settings(secret_key=secret, cookie_secure=True).cookie_name == f"__Host-{names.pop()}"


def test_settings_cannot_be_changed_once_read(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(ValueError, match="frozen"):
        make_settings().title = "other"  # type: ignore[misc]


def test_problems_are_also_available_as_a_list() -> None:
    error = ConfigurationError(["one", "two"])
    assert error.problems == ["one", "two"]
    assert "- one" in str(error)
