"""`manage.py`: what each command does and says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import apps
from core.accounts import Actor
from core.accounts.passwords import verify_password
from core.accounts.setup import create_roles
from core.command_line import python
from core.commands.checks import provider_fault
from core.commands.doctor import examine
from core.errors import AccountError
from core.services import Services, build_services, use_services
from core.settings import PROJECT_ROOT, Settings
from core.web.oidc import admit
from manage import manage
from tests.engine.writing import put

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


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "JOURNAL_PATH": str(settings.journal_path),
    }


def typed(command: str, settings: Settings, **more: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    environment = environment_of(settings) | more
    arguments = [sys.executable, str(PROJECT_ROOT / "manage.py"), command]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)


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


@pytest.mark.parametrize(
    "production", [{}, {"environment": "production", "cookie_secure": True}], ids=["", "production"]
)
def test_migrate_gives_the_placeholder_to_nobody(
    run: Run, make_settings: Callable[..., Settings], settings: Settings, production: dict[str, object]
) -> None:
    answer = run("migrate", using=make_settings(**production, admin_initial_password="change-me-too"))
    assert f"Nobody can sign in yet. Run: {python('manage.py createuser NAME --role admin')}" in answer.output
    assert "administrators" in trouble(settings)


@pytest.mark.parametrize(
    ("changes", "subject", "says"),
    [
        ({"secret_key": "change-me"}, "secret key", "SECRET_KEY is the placeholder"),
        ({"secret_key": "short"}, "secret key", "shorter than 32"),
        ({"database_url": AWAY}, "database", "can't be reached"),
        ({"environment": "production", "cookie_secure": True}, "names", "answers to no public name"),
        ({"auth": "oidc"}, "provider", "no provider is described"),
        ({"auth": "oidc"}, "admission", "nobody may sign in"),
    ],
)
def test_doctor_finds_what_is_wrong(
    make_settings: Callable[..., Settings], changes: dict[str, str], subject: str, says: str
) -> None:
    assert says in trouble(make_settings(**changes))[subject]


DESCRIBED = {
    "redirect_uri": "http://localhost:8501/oauth2callback",
    "cookie_secret": "k" * 32,
    "client_id": "app",
    "client_secret": "secret",
    "server_metadata_url": "https://provider.example/.well-known/openid-configuration?p=1",
}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, None),
        ({"client_id": "", "client_secret": ""}, "lacks client_id, client_secret"),
        ({"redirect_uri": "http://localhost:8501"}, "redirect_uri doesn't end with /oauth2callback"),
        ({"cookie_secret": "the output of: openssl rand -hex 32"}, "cookie_secret is a placeholder"),
        ({"server_metadata_url": "https://provider.example/authorize"}, "has no /.well-known/openid-configuration"),
    ],
)
def test_doctor_finds_what_is_wrong_with_the_description_of_a_provider(
    changes: dict[str, str], says: str | None
) -> None:
    for described in ({**DESCRIBED, **changes}, {"default": {**DESCRIBED, **changes}}):
        fault = provider_fault(described)
        assert fault is None if says is None else says in str(fault)


def test_doctor_finds_edits_that_wait_too_long(run: Run, settings: Settings) -> None:
    run("migrate")
    away = settings.model_copy(update={"database_url": AWAY})
    with use_services(build_services(away)) as services:
        put(services.engine, "anon-1", {"form/order/field/item": "a lamp"})
    assert "journal" not in trouble(settings)  # it has only just begun to wait
    assert any("1 edits wait" in finding.says for finding in examine(settings))


def test_folders_that_cant_be_written_are_named_with_their_setting(
    run: Run, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    inside = tmp_path / "file"
    broken = make_settings(
        journal_path=inside / "journal.db", database_url=f"sqlite:///{inside}/sessions.db", files_url=str(inside)
    )
    found = [finding for finding in examine(broken) if finding.fix]
    for name in ("JOURNAL_PATH", "DATABASE_URL", "FILES_URL"):
        assert any(f"of {name}, can't be written" in finding.says for finding in found), name
    (database,) = [finding for finding in found if finding.subject == "database"]
    assert f"DATABASE_URL names {inside}/sessions.db" in str(database.fix)


@pytest.mark.parametrize(
    ("taken", "says"),
    [
        (
            "journal.db.lock",
            "Error: The journal {data}/journal.db can't be opened (Is a directory). JOURNAL_PATH names it",
        ),
        (
            "sessions.db",
            "Error: The database can't be reached (unable to open database file). DATABASE_URL names {data}/",
        ),
    ],
)
def test_a_file_that_cant_be_opened_is_answered_in_one_line(
    make_settings: Callable[..., Settings], tmp_path: Path, taken: str, says: str
) -> None:
    settings = make_settings(database_url=f"sqlite:///{tmp_path / 'sessions.db'}")
    (tmp_path / taken).mkdir()
    (line,) = typed("migrate", settings).stderr.splitlines()
    assert line.startswith(says.format(data=tmp_path))


def test_the_commands_that_messages_show_work_as_they_are_shown(settings: Settings) -> None:
    """From the project's folder, by the Python that is running."""
    shown = python("manage.py migrate")
    done = subprocess.run(shown, shell=True, cwd=PROJECT_ROOT, env=environment_of(settings), capture_output=True)
    assert b"up to date now" in done.stdout, done.stderr
    assert [finding.fix for finding in examine(settings) if finding.subject == "schema"] == [None]


def test_who_runs_the_tests_waits_for_no_library_that_they_may_not_need() -> None:
    code = "import sys, click; from manage import manage; manage.get_command(click.Context(manage), 'test'); "
    code += "print(*{'alembic', 'pydantic', 'sqlalchemy', 'streamlit'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_missing_package_is_answered_with_what_installs_it(settings: Settings) -> None:
    """The Python itself, without what is installed for it."""
    command = [sys.executable, "-S", "manage.py", "doctor"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment_of(settings), capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(r"Error: \w+ is not installed for \S+\. Run: .+\n", done.stderr)


@pytest.mark.parametrize("group", [(), ("person",), ("quarantine",), ("roles",), ("sessions",)], ids=" ".join)
def test_what_a_command_does_is_told_in_full(run: Run, group: tuple[str, ...]) -> None:
    assert "..." not in run(*group, "--help").output.replace("[ARGS]...", "")


def test_doctor_as_a_command_says_each_fix_and_fails(settings: Settings) -> None:
    answer = typed("doctor", settings, SESSION_TIMEOUT="soon")
    assert answer.returncode == 1
    assert "FIX  settings: SESSION_TIMEOUT is 'soon', but input should be a valid number. Example" in answer.stdout
    assert "-> " in answer.stdout
    assert "Traceback" not in answer.stderr


# People


def test_people_are_created_and_given_roles(run: Run, look: Callable[..., object]) -> None:
    run("migrate")
    created = run("createuser", "Bob", "--email", "bob@example.org", "--password", PASSWORD)
    assert created.output == "Created bob with the roles: member.\n"
    assert "roles: admin" in run("setroles", "bob@example.org", "admin").output

    def check(services: Services) -> None:
        bob = services.accounts.users.find("bob")
        assert bob is not None
        assert (bob.roles, bob.must_change_password) == ({"admin"}, True)
        attempt = services.accounts.throttle.begin("bob", token_hash=None, by=Actor())
        assert verify_password(PASSWORD, attempt.password_hash)

    look(check)


def test_roles_are_made_changed_listed_and_deleted(run: Run, look: Callable[..., object]) -> None:
    run("migrate")
    assert run("roles", "save", "clerk", "admin.audit", "home.*", "--description", "Reads").output == (
        "Made clerk: admin.audit home.*.\n"
    )
    assert run("roles", "save", "clerk", "admin.health").output == "Changed clerk: admin.health.\n"
    run("createuser", "Bob", "--password", PASSWORD, "--role", "clerk")
    assert "clerk (1 person): admin.health\n    Reads\n" in run("roles", "list").output
    assert "'no permission!' is no permission" in run("roles", "save", "clerk", "no permission!").output
    assert run("roles", "delete", "clerk").output == "Deleted clerk.\n"
    assert "There is no role 'clerk'" in run("roles", "delete", "clerk").output
    assert {role.role for role in look(lambda services: services.accounts.roles.all())} == {"admin", "member"}  # type: ignore[attr-defined]


def test_a_permission_that_nothing_requires_is_pointed_out(run: Run) -> None:
    run("migrate")
    saved = run("roles", "save", "clerk", "admin.aduit", "adimn.*", "home.*", "*.audit", "admin.audit")
    assert saved.exit_code == 0
    assert saved.output.splitlines()[1:] == [
        "clerk: no page or action requires admin.aduit. Did you mean admin.audit?",
        "clerk: no page or action requires adimn.*.",
    ]
    assert saved.output.splitlines()[1] in run("roles", "list").output


def test_roles_that_an_app_declares_are_made_and_get_what_it_declares_later_and_nothing_back_that_was_taken(
    run: Run, look: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = tmp_path / "till" / "pages"
    pages.mkdir(parents=True)
    (tmp_path / "till" / "__init__.py").write_text(
        "from core.router import App\n"
        'app = App(title="Till", roles={"cashier": ["till.use"], "member": ["till.read"]})\n'
    )
    (pages / "first.py").write_text(
        'from core.router import page\n@page(title="Till")\ndef till() -> None:\n    """Nothing."""\n'
    )
    monkeypatch.setattr(apps, "__path__", [*apps.__path__, str(tmp_path)])

    def permissions() -> dict[str, tuple[str, ...]]:
        return look(lambda services: {role.role: role.permissions for role in services.accounts.roles.all()})  # type: ignore[return-value]

    run("migrate")
    made = permissions()
    assert made["cashier"] == ("till.use",)
    assert {"home.*", "till.read"} <= set(made["member"])
    run("roles", "save", "cashier", "till.read")
    run("migrate")
    assert permissions() == {**made, "cashier": ("till.read",)}
    lacking = "cashier: lacks till.use, which the code declares. To grant it, run: "
    assert f"{lacking}{python('manage.py roles save cashier till.read till.use')}" in run("roles", "list").output

    app = sys.modules["apps.till"].app
    later = replace(app, roles={"cashier": ["till.use", "till.count", "till.read"], "auditor": ["till.*"]})
    monkeypatch.setattr(sys.modules["apps.till"], "app", later)
    os.utime(pages)  # this process has looked for pages before; each command of a person's is a new one
    assert "lacks till.use, till.count, which the code declares" in run("roles", "list").output
    run("createuser", "Cy", "--password", PASSWORD, "--role", "cashier")

    def may(permission: str) -> bool:
        person = look(lambda services: services.accounts.users.find("cy"))
        return permission in person.permissions  # type: ignore[attr-defined]

    def saved() -> list[tuple[str, str]]:
        return look(  # type: ignore[return-value]
            lambda services: [
                (event.subject, event.detail) for event in services.accounts.audit.find(events=["role.saved"])
            ]
        )

    before = saved()
    for _ in range(2):
        run("migrate")
        assert permissions() == {**made, "cashier": ("till.read", "till.count"), "auditor": ("till.*",)}
        new = [("role:cashier", "till.read till.count"), ("role:auditor", "till.*")]
        assert saved() == [*new, *before]
    assert may("till.count")
    assert lacking in run("roles", "list").output

    monkeypatch.setattr(sys.modules["apps.till"], "app", app)  # as after a step back, which takes nothing
    run("migrate")
    assert permissions()["cashier"] == ("till.read", "till.count")


def test_a_role_made_by_hand_gets_nothing_when_an_app_declares_it_until_that_declares_more(
    run: Run, look: Callable[..., object]
) -> None:
    run("migrate")
    run("roles", "save", "clerk", "home.*")

    def declare(*permissions: str) -> object:
        def work(services: Services) -> tuple[str, ...]:
            create_roles(services.accounts, {"clerk": permissions})
            return next(role.permissions for role in services.accounts.roles.all() if role.role == "clerk")

        return look(work)

    assert declare("till.use") == ("home.*",)
    assert declare("till.use", "home.read", "till.read") == ("home.*", "till.read"), "what it has is not given twice"
    with pytest.raises(AccountError, match="no permission"):
        declare("till use")


def test_a_secret_key_that_was_replaced_is_found_until_that_was_on_purpose(
    run: Run, make_settings: Callable[..., Settings], settings: Settings
) -> None:
    run("migrate")
    assert "secret key" not in trouble(settings)
    other = make_settings(secret_key="another one " * 3)
    for _ in range(2):
        assert "SECRET_KEY is another one than this database knows" in trouble(other)["secret key"]
        run("migrate", using=other)
    assert "secret key" not in trouble(settings), "the former one put back"
    assert run("accept-secret-key", using=other).exit_code == 0
    assert "secret key" not in trouble(other)
    assert "secret key" in trouble(settings)


def test_the_first_administrator_of_a_provider_is_named_by_their_address(
    run: Run, make_settings: Callable[..., Settings]
) -> None:
    run("migrate")
    settings = make_settings(auth="oidc", oidc_allowed=("@example.org",), oidc_roles={"staff": "member"})
    said = {"iss": "https://provider.example", "sub": "7", "name": "Ada", "email": "Ada@example.org"}
    with use_services(build_services(settings)) as services:
        admit(services, {**said, "email_verified": True, "iat": time.time()}, None, by=Actor())
        (ada,) = [user for user in services.accounts.users.all() if user.name == "Ada"]
    answer = run("setroles", "ada@example.org", "admin", "member", using=settings)
    assert answer.output == (
        f"Ada ({ada.username}) now has the roles: admin, member.\n"
        "The provider decides on member again at their next sign-in: see OIDC_ROLES.\n"
    )
    with use_services(build_services(settings)) as services:
        admit(services, {**said, "email_verified": True, "iat": time.time()}, None, by=Actor())
        (ada,) = [user for user in services.accounts.users.all() if user.name == "Ada"]
    assert ada.roles == {"admin"}


def test_an_invitation_is_a_link_shown_once(run: Run, look: Callable[..., object]) -> None:
    run("migrate")
    answer = run("invite", "cy@example.org", "--role", "admin", "--at", "https://app.example.org/keep/")
    secret = answer.output.splitlines()[1].removeprefix("https://app.example.org/keep/?invitation=")
    assert look(lambda services: services.accounts.invitations.find(secret).roles) == ("admin",)
    assert "There is no role" in run("invite", "cy", "--role", "ghost").output
    assert "another link counts still" in run("invite", "CY@example.org").output
    assert "2 other links count still" in run("invite", "cy@example.org").output


def test_the_only_administrator_who_forgot_the_password_gets_a_link(run: Run, look: Callable[..., object]) -> None:
    run("migrate")
    run("createuser", "ada", "--role", "admin", "--email", "ada@example.org", "--password", PASSWORD)
    answer = run("resetlink", "ADA@example.org", "--at", "https://app.example.org/keep/")
    secret = answer.output.splitlines()[1].removeprefix("https://app.example.org/keep/?reset=")
    found = look(lambda services: services.accounts.resets.find(secret, by=Actor()).username)
    assert found == "ada"
    assert "No users are called 'cy'" in run("resetlink", "cy").output


@pytest.mark.parametrize("auth", ["oidc", "none"])
@pytest.mark.parametrize(
    "arguments",
    [("invite", "cy"), ("createuser", "cy", "--password", PASSWORD), ("resetlink", "admin")],
    ids=["invite", "createuser", "resetlink"],
)
def test_nobody_is_added_who_could_not_sign_in(
    run: Run, look: Callable[..., object], make_settings: Callable[..., Settings], auth: str, arguments: tuple[str, ...]
) -> None:
    run("migrate")
    assert "nobody has a password here" in run(*arguments, using=make_settings(auth=auth)).output
    assert look(lambda services: (services.accounts.users.find("cy"), services.accounts.invitations.all())) == (
        None,
        [],
    )


def test_the_first_administrator_of_a_provider_has_to_sign_in_first(
    run: Run, make_settings: Callable[..., Settings]
) -> None:
    run("migrate")
    answer = run("setroles", "ada@example.org", "admin", using=make_settings(auth="oidc"))
    assert "has signed in yet. Let them sign in once" in answer.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("createuser", "admin", "--password", PASSWORD), "already a user called 'admin'"),
        (("createuser", "bob", "--password", "short"), "at least 12 characters"),
        (("setroles", "admin", "boss"), "no role 'boss'"),
        (("setroles", "nobody", "admin"), "No users are called 'nobody'"),
        (("sessions", "revoke", "nobody"), "no session or user 'nobody'"),
        (("startapp", "class"), "Python's own"),
        (("startapp", "streamlit"), "such as streamlit_app"),
        (("startapp", "core"), "such as core_app"),
        (("startapp", "keep"), "an address of the server"),
        (("startapp", "../x"), "lower-case"),
        (("removeapp", "intakes"), "Did you mean intake?"),
        (("removeapp", "../core"), "There are: insights, intake"),
        (("removeapp", "admin"), "an app of the engine"),
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


def test_roles_come_back_from_what_was_exported(run: Run, tmp_path: Path) -> None:
    run("migrate")
    run("roles", "save", "desk", "orders.use", "orders.edit", "--description", "Takes orders")
    exported = tmp_path / "roles.json"
    exported.write_text(run("roles", "export").output, encoding="utf-8")
    run("roles", "delete", "desk")
    answer = run("roles", "import", str(exported))
    assert "Saved desk: orders.use orders.edit." in answer.output
    assert run("roles", "export").output == exported.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "[]", '{"desk": {}}', '{"desk": {"permissions": ["a b"]}}'])
def test_what_is_no_export_of_roles_is_refused_in_words(run: Run, tmp_path: Path, text: str) -> None:
    run("migrate")
    file = tmp_path / "roles.json"
    file.write_text(text, encoding="utf-8")
    answer = run("roles", "import", str(file))
    assert answer.exit_code == 1
    assert isinstance(answer.exception, SystemExit)
    assert "no export of roles" in answer.output or "no permission" in answer.output


# Sessions


def test_sessions_are_listed_and_revoked(run: Run, look: Callable[..., object]) -> None:
    run("migrate")

    def begin(services: Services) -> str:
        admin = services.accounts.users.find("admin")
        assert admin is not None
        ticket = services.accounts.tokens.issue_ticket("old", admin.user_id)
        assert services.accounts.tokens.redeem(ticket, "old", "new", "Firefox on Linux")
        services.engine.open(admin.session_id, admin.user_id).set_field("order", "item", "a lamp")
        return admin.session_id

    session_id = str(look(begin))
    listed = run("sessions", "list").output
    assert session_id in listed
    assert "Firefox on Linux" in listed
    assert run("sessions", "revoke", "admin").output == "Signed out 1 browser.\n"
    assert "Firefox on Linux" not in run("sessions", "list").output


def test_the_audit_trail_is_shown_and_written_to_a_file(
    run: Run, look: Callable[[Callable[[Services], object]], object], tmp_path: Path
) -> None:
    run("migrate")
    run("createuser", "ada", "--name", "Ada", "--password", PASSWORD)

    def refuse(services: Services) -> None:
        ada = services.accounts.users.find("ada")
        assert ada is not None
        services.accounts.audit.note("refused", by=Actor(user_id=ada.user_id, address="192.0.2.7"), detail="a\x1b[2Jb")

    look(refuse)
    (shown,) = run("audit", "--person", "ada", "--event", "refused").output.splitlines()
    assert all(part in shown for part in ("refused", "Ada (ada)", "192.0.2.7", "a\N{REPLACEMENT CHARACTER}[2Jb"))
    assert run("audit", "--until", "2000-01-01").output == ""
    assert "No one matches" in run("audit", "--person", "nobody").output
    file = tmp_path / "trail.csv"
    assert run("audit", "--output", str(file)).exit_code == 0
    assert "192.0.2.7" in file.read_text()
    assert look(lambda services: services.accounts.audit.find(limit=1)[0].event) == "trail.exported"
