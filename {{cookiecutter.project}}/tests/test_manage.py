"""`manage.py`: what each command does and says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from commands.doctor import examine
from core.accounts.passwords import verify_password
from core.services import Services, build_services, use_services
from core.settings import PROJECT_ROOT, Settings
from manage import manage

PASSWORD = "a phrase of some length"
AWAY = "postgresql+psycopg://nobody@127.0.0.1:1/none"
Run = Callable[..., Result]


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(admin_initial_password=PASSWORD)


@pytest.fixture
def run(settings: Settings) -> Run:
    """Run a command as a process of its own would: over services it opens and closes."""

    def run(*arguments: str, using: Settings = settings) -> Result:
        with use_services(build_services(using)):
            return CliRunner().invoke(manage, arguments)

    return run


@pytest.fixture
def look(settings: Settings) -> Callable[[Callable[[Services], object]], object]:
    """Ask the services between two commands."""

    def look(question: Callable[[Services], object]) -> object:
        with use_services(build_services(settings)) as services:
            return question(services)

    return look


def trouble(settings: Settings) -> dict[str, str]:
    return {finding.subject: finding.says for finding in examine(settings) if finding.fix}


# migrate and doctor


def test_migrate_makes_an_empty_database_ready(run: Run, settings: Settings) -> None:
    assert "schema" in trouble(settings)
    first = run("migrate")
    assert first.exit_code == 0
    assert "up to date now" in first.output
    assert "Sign in as 'admin'" in first.output
    assert PASSWORD not in first.output
    assert run("migrate").output == "The database was up to date.\n"
    assert "schema" not in trouble(settings)


def test_migrate_gives_the_placeholder_to_nobody_in_production(
    run: Run, make_settings: Callable[..., Settings], settings: Settings
) -> None:
    production = {"environment": "production", "cookie_secure": True, "admin_initial_password": "change-me-too"}
    answer = run("migrate", using=make_settings(**production))
    assert "no administrator was created" in answer.output
    assert "administrators" in trouble(settings)


@pytest.mark.parametrize(
    ("changes", "subject", "says"),
    [
        ({"secret_key": "change-me"}, "secret key", "SECRET_KEY is the placeholder"),
        ({"secret_key": "short"}, "secret key", "shorter than 32"),
        ({"admin_initial_password": "change-me-too"}, "secret key", "ADMIN_INITIAL_PASSWORD is the placeholder"),
        ({"database_url": AWAY}, "database", "can't be reached"),
        ({"auth": "oidc"}, "provider", "no provider is described"),
    ],
)
def test_doctor_finds_what_is_wrong(
    make_settings: Callable[..., Settings], changes: dict[str, str], subject: str, says: str
) -> None:
    assert says in trouble(make_settings(**changes))[subject]


def test_doctor_finds_edits_that_wait_too_long(run: Run, settings: Settings) -> None:
    run("migrate")
    away = settings.model_copy(update={"database_url": AWAY})
    with use_services(build_services(away)) as services:
        services.engine.record("anon-1", {"form/order/field/item": "a lamp"})
    assert "journal" not in trouble(settings)  # it has only just begun to wait
    assert any("1 edits wait" in finding.says for finding in examine(settings))


def test_doctor_as_a_command_says_each_fix_and_fails(settings: Settings) -> None:
    environment = {
        **os.environ,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "JOURNAL_PATH": str(settings.journal_path),
        "SESSION_TIMEOUT": "soon",
    }
    command = [sys.executable, str(PROJECT_ROOT / "manage.py"), "doctor"]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert "FIX  settings: SESSION_TIMEOUT is 'soon'" in answer.stdout
    assert "-> " in answer.stdout
    assert "Traceback" not in answer.stderr


# People


def test_people_are_created_and_given_roles(run: Run, look: Callable[..., object]) -> None:
    run("migrate")
    created = run("createuser", "Bob", "--email", "bob@example.org", "--password", PASSWORD)
    assert created.output == "Created bob with the roles: member.\n"
    assert "roles: admin" in run("setroles", "bob@example.org", "admin").output

    def check(services: Services) -> None:
        bob = services.accounts.find("bob")
        assert bob is not None
        assert (bob.roles, bob.must_change_password) == ({"admin"}, True)
        assert verify_password(PASSWORD, services.accounts.password_hash("bob"))

    look(check)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("createuser", "admin", "--password", PASSWORD), "already a user called 'admin'"),
        (("createuser", "bob", "--password", "short"), "at least 12 characters"),
        (("setroles", "admin", "boss"), "no role 'boss'"),
        (("setroles", "nobody", "admin"), "No users are called 'nobody'"),
        (("sessions", "purge", "nobody"), "no session or user 'nobody'"),
        (("sessions", "purge"), "--expired"),
        (("startapp", "class"), "class"),
    ],
)
def test_a_mistake_is_answered_in_words(run: Run, arguments: tuple[str, ...], words: str) -> None:
    run("migrate")
    answer = run(*arguments)
    assert answer.exit_code != 0
    assert words in answer.output
    assert isinstance(answer.exception, SystemExit)


def test_the_database_being_away_is_answered_in_words(run: Run, make_settings: Callable[..., Settings]) -> None:
    answer = run("sessions", "list", using=make_settings(database_url=AWAY))
    assert answer.exit_code == 1
    assert "can't be reached" in answer.output
    assert isinstance(answer.exception, SystemExit)


# Sessions


def test_sessions_are_listed_revoked_and_purged(run: Run, look: Callable[..., object]) -> None:
    run("migrate")

    def begin(services: Services) -> str:
        admin = services.accounts.find("admin")
        assert admin is not None
        ticket = services.accounts.issue_ticket("old", admin.user_id)
        assert services.accounts.redeem(ticket, "old", "new", "Firefox on Linux")
        services.engine.open(admin.session_id, admin.user_id).set_field("order", "item", "a lamp")
        return admin.session_id

    session_id = str(look(begin))
    listed = run("sessions", "list").output
    assert session_id in listed
    assert "Firefox on Linux" in listed
    assert run("sessions", "revoke", "admin").output == "Signed out 1 browser.\n"
    assert "Firefox on Linux" not in run("sessions", "list").output
    assert run("sessions", "purge", "admin", "--yes").output == f"Deleted {session_id}.\n"
    assert "no sessions yet" in run("sessions", "list").output

    def after(services: Services) -> None:
        assert services.engine.open(session_id).form("order").values == {}
        admin = services.accounts.find("admin")
        assert admin is not None
        ticket = services.accounts.issue_ticket("fresh", admin.user_id)
        redeemed = services.accounts.redeem(ticket, "fresh", "newer", "")
        assert redeemed is not None
        assert redeemed.user is not None
        assert redeemed.user.session_id != session_id

    look(after)


def test_a_purge_asks_first(run: Run) -> None:
    run("migrate")
    assert run("sessions", "purge", "admin").exit_code == 1


def test_purging_the_expired_says_how_many(run: Run) -> None:
    run("migrate")
    assert run("sessions", "purge", "--expired").output == "Deleted 0 expired sessions.\n"
