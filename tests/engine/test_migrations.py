"""What an upgrade of the database keeps, on both databases: whole or not at all, with everything that is stored."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.exc import DBAPIError

from core.accounts import Accounts
from core.clock import SystemClock
from core.discovery import discover
from core.errors import SchemaError
from core.session_persistence import SessionPersistenceEngine
from core.settings import PROJECT_ROOT
from core.storage import migrate
from core.storage.database import open_database
from core.storage.journal import Journal
from core.storage.migrate import configuration
from core.storage.models import Base
from core.storage.sql_store import SqlStore
from core.storage.versions import Versions, watch_tables
from tests.engine.conftest import RETENTION, SESSION_TIMEOUT
from tests.engine.copied_project import add_shop
from tests.lab.upcoming import add_engine_revision, copy_revisions, engine_revisions

UPGRADE = """
import sys
from pathlib import Path
from core.storage import database, migrate

migrate.upgrade(database.open_database(sys.argv[1]), Path(sys.argv[2]))
"""
REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = {revision!r}, {follows!r}, {labels!r}, {depends_on!r}

def upgrade():
    {upgrade}

def downgrade():
    {downgrade}
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """An empty database of each kind."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of the project's revisions, whose folder has a name that a configuration could take for something else."""
    return add_shop(copy_revisions(tmp_path / "50% %(of)s a:b"))


@pytest.fixture
def update(tmp_path: Path) -> Path:
    """The same, with a revision of the engine that comes with an update."""
    root = copy_revisions(tmp_path / "updated")
    add_engine_revision(root)
    return root


def add_revision(
    folder: Path,
    revision: str,
    *,
    follows: str | None = None,
    labels: tuple[str, ...] | None = None,
    depends_on: str | None = None,
    upgrade: str = "pass",
    downgrade: str = "pass",
) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{revision}.py").write_text(
        REVISION.format(
            revision=revision,
            follows=follows,
            labels=labels,
            depends_on=depends_on,
            upgrade=upgrade,
            downgrade=downgrade,
        )
    )
    return folder / f"{revision}.py"


def downgrade(database: Engine, to: str, root: Path = PROJECT_ROOT) -> None:
    command.downgrade(configuration(root, partial(migrate.one_transaction, database)), to)


def recorded(database: Engine) -> set[str]:
    with database.connect() as connection:
        return set(MigrationContext.configure(connection).get_current_heads())


def contents(database: Engine) -> dict[str, Any]:
    """Every table with its columns and rows."""
    inspector, names = inspect(database), inspect(database).get_table_names()
    with database.connect() as connection:
        return {
            name: (
                [column["name"] for column in inspector.get_columns(name)],
                sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {name}"))),
            )
            for name in names
        }


# What the revisions make


def test_an_empty_database_is_behind_and_an_upgraded_one_is_not(database: Engine) -> None:
    assert not migrate.schema_state(database).is_current
    migrate.upgrade(database)
    assert migrate.schema_state(database).is_current
    state = migrate.schema_state(database)
    assert {engine_revisions()[0]} <= state.at == state.heads == recorded(database)
    assert not state.forgotten


def test_revisions_build_what_the_models_describe(database: Engine) -> None:
    discover()  # with the apps come the models of their tables
    migrate.upgrade(database)
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_upgrading_twice_changes_nothing(database: Engine) -> None:
    migrate.upgrade(database)
    with database.begin() as connection:
        connection.execute(text("INSERT INTO roles (role, description, permissions) VALUES ('r', '', '')"))
    before = contents(database)
    migrate.upgrade(database)
    assert contents(database) == before


def test_the_way_back_leaves_nothing(database: Engine) -> None:
    migrate.upgrade(database)
    downgrade(database, "base")
    assert set(inspect(database).get_table_names()) == {"alembic_version"}
    migrate.upgrade(database)  # on PostgreSQL, a function that is left over would be in the way
    assert migrate.schema_state(database).is_current


def assert_audit_only_grows(database: Engine) -> None:
    with database.begin() as connection:
        row = "'2026-01-01 00:00:00+00:00', 'e', '', '', '', ''"
        connection.execute(text(f"INSERT INTO audit (at, event, subject, detail, address, device) VALUES ({row})"))
    for change in ("UPDATE audit SET event = 'x'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="the audit trail only grows"), database.begin() as connection:
            connection.execute(text(change))


def test_the_audit_trail_only_grows_also_after_an_update(database: Engine, update: Path) -> None:
    migrate.upgrade(database)
    assert_audit_only_grows(database)
    migrate.upgrade(database, update)
    assert_audit_only_grows(database)


def test_postgresql_compares_stamps_and_paths_as_bytes(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    migrate.upgrade(engine)
    with engine.begin() as connection:
        collations = connection.execute(
            text(
                "SELECT collation_name FROM information_schema.columns "
                "WHERE table_name = 'entries' AND column_name IN ('stamp', 'path', 'base')"
            )
        )
        assert set(collations.scalars()) == {"C"}
    engine.dispose()


# Whole or not at all


class InterruptedHereError(Exception):
    pass


def upgrade_interrupted_at(statement: int, database: Engine, root: Path) -> bool:
    """Upgrade, with an error in place of one of its statements. Returns whether there were so many."""
    left = statement

    def count_down(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise InterruptedHereError

    event.listen(database, "before_cursor_execute", count_down)
    try:
        migrate.upgrade(database, root)
    except InterruptedHereError:
        return True
    finally:
        event.remove(database, "before_cursor_execute", count_down)
    return False


def assert_whole_or_not_at_all(database: Engine, root: Path, at_least: int) -> None:
    before, statement = contents(database), 0
    while upgrade_interrupted_at(statement, database, root):
        statement += 1
        assert contents(database) == before or migrate.schema_state(database, root).is_current, (
            "only what comes after the commit"
        )
    assert migrate.schema_state(database, root).is_current
    assert statement > at_least


def test_the_first_upgrade_that_is_interrupted_anywhere_is_as_if_it_had_not_begun(database: Engine) -> None:
    assert_whole_or_not_at_all(database, PROJECT_ROOT, at_least=40)


def test_an_update_that_is_interrupted_anywhere_is_as_if_it_had_not_begun(
    database: Engine, sessions: dict[str, Any], update: Path, tmp_path: Path
) -> None:
    assert_whole_or_not_at_all(database, update, at_least=15)
    assert found(database, tmp_path) == sessions


def test_two_processes_may_upgrade_at_the_same_time(
    database: Engine, sessions: dict[str, Any], update: Path, tmp_path: Path
) -> None:
    address = database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", UPGRADE, address, str(update)]
    processes = [subprocess.Popen(command, cwd=PROJECT_ROOT) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert migrate.schema_state(database, update).is_current
    assert found(database, tmp_path) == sessions


def test_replacing_a_table_in_a_revision_keeps_what_refers_to_its_rows(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'sessions.db'}")
    with migrate.one_transaction(database) as connection:
        for statement in (
            "CREATE TABLE sessions (id TEXT PRIMARY KEY)",
            "CREATE TABLE entries (id TEXT REFERENCES sessions (id) ON DELETE CASCADE)",
            "INSERT INTO sessions VALUES ('s')",
            "INSERT INTO entries VALUES ('s')",
        ):
            connection.exec_driver_sql(statement)
    with migrate.one_transaction(database) as connection:
        for statement in (
            "CREATE TABLE new (id TEXT PRIMARY KEY, more TEXT)",
            "INSERT INTO new SELECT id, '' FROM sessions",
            "DROP TABLE sessions",
            "ALTER TABLE new RENAME TO sessions",
        ):
            connection.exec_driver_sql(statement)
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM entries").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.dispose()


def test_a_commit_outlasts_a_power_cut_in_either_mode_of_sqlite(tmp_path: Path) -> None:
    """With a rollback journal that takes EXTRA: only then is the folder synced after the journal was deleted."""
    database = open_database(f"sqlite:///{tmp_path / 'sessions.db'}")
    with database.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
    database.dispose()


def test_an_upgrade_waits_for_another_one_however_long(tmp_path: Path) -> None:
    engine, asked = open_database(f"sqlite:///{tmp_path / 'sessions.db'}"), "PRAGMA busy_timeout"
    with engine.connect() as connection:
        others = connection.exec_driver_sql(asked).scalar_one()
    with migrate.one_transaction(engine) as connection:
        assert connection.exec_driver_sql(asked).scalar_one() > 24 * 3600 * 1000 > others
    with engine.connect() as connection:
        assert connection.exec_driver_sql(asked).scalar_one() == others
    engine.dispose()


def test_an_upgrade_may_think_between_two_statements_as_long_as_it_takes(postgres_url: str) -> None:
    engine = open_database(postgres_url)
    allowed = text("SHOW idle_in_transaction_session_timeout")
    with engine.connect() as connection:
        others = connection.execute(allowed).scalar_one()
    with migrate.one_transaction(engine) as connection:
        assert connection.execute(allowed).scalar_one() == "0" != others
    with engine.connect() as connection:
        assert connection.execute(allowed).scalar_one() == others
    engine.dispose()


def test_all_revisions_can_be_taken_back_though_rows_were_moved_of_which_other_processes_would_be_told(
    database: Engine,
) -> None:
    watch_tables(database, Versions(database, SystemClock()))
    migrate.upgrade(database)
    with migrate.one_transaction(database) as connection:
        connection.execute(text("INSERT INTO roles (role, description, permissions) VALUES ('r', '', '')"))
        connection.execute(text("DROP TABLE versions"))
    assert "versions" not in inspect(database).get_table_names()


# What is stored


def opened(database: Engine, tmp_path: Path) -> SessionPersistenceEngine:
    store = SqlStore(database, session_timeout=SESSION_TIMEOUT, retention=RETENTION)
    return SessionPersistenceEngine(3600, store=store, journal=Journal(tmp_path / "journal.db"))


@pytest.fixture
def sessions(database: Engine, tmp_path: Path) -> dict[str, Any]:
    """Sessions in a database that is up to date, as they were stored."""
    migrate.upgrade(database)
    engine = opened(database, tmp_path)
    for number in range(3):
        session = engine.open(f"s{number}", f"user{number}" if number else None)
        session.save_form("f", {f"naïve {n}": ("ü", number, n) for n in range(350)})
        session.save_form("g", {"a": None, "b": {1: "x"}})
        session.reset_form("f") if number == 2 else None
    engine.close()
    return found(database, tmp_path)


def found(database: Engine, tmp_path: Path) -> dict[str, Any]:
    engine = opened(database, tmp_path)
    found = {name: engine.open(name) for name in ("s0", "s1", "s2")}
    engine.close()
    assert [session.unreadable for session in found.values()] == [{}] * 3
    return {name: session.to_dict() for name, session in found.items()}


def test_an_update_keeps_every_session(
    database: Engine, sessions: dict[str, Any], update: Path, tmp_path: Path
) -> None:
    assert "naïve 349" in str(sessions["s0"])
    migrate.upgrade(database, update)
    assert migrate.schema_state(database, update).is_current
    assert found(database, tmp_path) == sessions


def test_the_way_back_from_an_update_gives_what_was_there_before(
    database: Engine, sessions: dict[str, Any], update: Path
) -> None:
    before = contents(database)
    migrate.upgrade(database, update)
    assert contents(database) != before
    downgrade(database, "core@-1", update)
    assert contents(database) == before
    assert migrate.schema_state(database).is_current


# The project's revisions


def suppliers_of(root: Path, **more: Any) -> Path:
    """Add the first revision of the project's own: a table that refers to people."""
    table = """op.create_table(
        "suppliers",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("user_id", sa.String(32), sa.ForeignKey("users.user_id", ondelete="CASCADE")),
    )"""
    options = {"labels": ("project",), "depends_on": engine_revisions(root)[0], "upgrade": table, **more}
    return add_revision(root / "migrations", "1a2b3c", **options, downgrade="op.drop_table('suppliers')")


def test_a_revision_of_the_project_stays_valid_when_the_engine_gets_another_one(database: Engine, root: Path) -> None:
    suppliers_of(root)
    migrate.upgrade(database, root)
    assert recorded(database) == {"shop_0001", "1a2b3c"}, "what it depends on needs no row"
    accounts = Accounts(database, SystemClock(), session_timeout=SESSION_TIMEOUT)
    ada = accounts.users.create("ada", "Ada")
    with database.begin() as connection:
        connection.execute(text("INSERT INTO suppliers VALUES ('x', :user)"), {"user": ada.user_id})

    newer = add_engine_revision(root)
    assert not migrate.schema_state(database, root).is_current
    migrate.upgrade(database, root)
    state = migrate.schema_state(database, root)
    assert state.at == state.heads == {newer, "shop_0001", "1a2b3c"}

    add_revision(root / "migrations", "4d5e6f", follows="1a2b3c", depends_on=newer)
    newest = add_engine_revision(root)
    migrate.upgrade(database, root)
    assert migrate.schema_state(database, root).is_current
    assert migrate.schema_state(database, root).at == {newest, "shop_0001", "4d5e6f"}
    with database.connect() as connection:
        assert connection.execute(text("SELECT user_id FROM suppliers")).scalars().all() == [ada.user_id]
    assert_audit_only_grows(database)
    downgrade(database, "base", root)
    assert set(inspect(database).get_table_names()) == {"alembic_version"}


def test_all_revisions_of_engine_project_and_apps_are_applied_to_an_empty_database(
    database: Engine, root: Path
) -> None:
    suppliers_of(root)
    newer = add_engine_revision(root)
    add_revision(root / "migrations", "4d5e6f", follows="1a2b3c", depends_on=newer)
    (root / "apps" / "a").mkdir()
    (root / "apps" / "a" / "__init__.py").touch()
    notes = "op.create_table('notes', sa.Column('user_id', sa.String(32), sa.ForeignKey('users.user_id')))"
    add_revision(root / "apps" / "a" / "migrations", "a_0001", labels=("a",), upgrade=notes)
    migrate.upgrade(database, root)
    assert migrate.schema_state(database, root).is_current
    assert {"sessions", f"of_{newer}", "goods", "suppliers", "notes"} <= set(inspect(database).get_table_names())
    assert_audit_only_grows(database)


def test_a_revision_that_fails_is_named_in_one_sentence_and_nothing_is_changed(database: Engine, root: Path) -> None:
    table = "op.create_table('first', sa.Column('a', sa.Text()))"
    suppliers_of(root, upgrade=f"{table}; op.execute('ALTER TABLE nowhere ADD COLUMN a TEXT')")
    before = contents(database)
    with pytest.raises(SchemaError, match=r"^migrations/1a2b3c\.py can't be applied \(.*nowhere.*\), so nothing "):
        migrate.upgrade(database, root)
    assert contents(database) == before


def test_a_table_that_is_there_without_its_row_is_answered_with_what_puts_that_right(
    database: Engine, root: Path
) -> None:
    suppliers_of(root)
    migrate.upgrade(database, root)
    with database.begin() as connection:
        without = text("UPDATE alembic_version SET version_num = :engine WHERE version_num = '1a2b3c'")
        connection.execute(without, {"engine": engine_revisions(root)[0]})
    with pytest.raises(SchemaError, match=r"suppliers.* already exists.*manage\.py alembic stamp --purge heads"):
        migrate.upgrade(database, root)
    config = configuration(root, partial(migrate.one_transaction, database))
    command.stamp(config, "heads", purge=True)
    migrate.upgrade(database, root)
    assert recorded(database) == {"shop_0001", "1a2b3c"}


# Revisions that the code doesn't have


def remove_app(root: Path) -> None:
    """As a checkout does it, which leaves what Python compiled."""
    shutil.rmtree(root / "apps" / "shop")
    (root / "apps" / "shop" / "migrations" / "__pycache__").mkdir(parents=True)


def test_the_row_of_an_app_that_was_removed_is_forgotten_and_its_table_stays_until_it_comes_back(
    database: Engine, root: Path
) -> None:
    suppliers_of(root)
    migrate.upgrade(database, root)
    with database.begin() as connection:
        connection.execute(text("INSERT INTO goods VALUES ('G-1', 'lamp')"))
    goods = contents(database)["goods"]
    remove_app(root)
    assert migrate.schema_state(database, root).forgotten == {"shop_0001"}
    assert migrate.schema_state(database, root).is_current, "the app starts before anybody ran migrate, too"
    migrate.upgrade(database, root)
    assert recorded(database) == {"1a2b3c"}
    assert contents(database)["goods"] == goods

    add_shop(root)
    assert not migrate.schema_state(database, root).is_current
    migrate.upgrade(database, root)
    assert migrate.schema_state(database, root).is_current
    assert contents(database)["goods"] == goods


@pytest.mark.parametrize("newer", [engine_revisions()[1], "project_0002", "7a8b9c", "shop_0002"])
def test_a_revision_of_newer_code_is_refused_and_nothing_is_changed(database: Engine, root: Path, newer: str) -> None:
    migrate.upgrade(database, root)
    with database.begin() as connection:
        connection.execute(text("INSERT INTO alembic_version VALUES (:newer), ('gone_0001')"), {"newer": newer})
    suppliers_of(root)
    before = contents(database)
    for refused in (migrate.schema_state, migrate.upgrade):
        with pytest.raises(SchemaError, match=f"at revision {newer}, which .* it is newer than the code"):
            refused(database, root)
    assert contents(database) == before


def test_tables_without_any_row_of_the_engine_are_not_made_again(database: Engine) -> None:
    migrate.upgrade(database)
    with database.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    with pytest.raises(
        SchemaError, match=r"no revision of the engine is recorded\. Back up the database\. Run: .* stamp"
    ):
        migrate.upgrade(database)


def test_somebody_elses_table_of_the_same_name_is_no_reason_to_take_the_database_for_ones_own(
    database: Engine,
) -> None:
    with database.begin() as connection:
        connection.execute(text("CREATE TABLE users (id INTEGER)"))
    with pytest.raises(SchemaError, match=r"names of the engine's \(users\), .* Restore .* or give"):
        migrate.upgrade(database)


# Revisions that are at fault


def in_an_app(root: Path) -> object:
    return add_revision(root / "apps/shop/migrations", "shop_0002", follows="shop_0001", depends_on="core_0001")


def two_of_the_project(root: Path) -> object:
    suppliers_of(root)
    return [add_revision(root / "migrations", name, follows="1a2b3c") for name in ("a", "b")]


def two_first_ones(root: Path) -> object:
    suppliers_of(root)
    return add_revision(root / "migrations", "4d5e6f", labels=("project",))


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (in_an_app, r"apps/shop/migrations: an app's revision, such as shop_0002, can't have depends_on"),
        (two_of_the_project, r"Nothing in migrations/ follows a nor b, so none is the newest\. Run: .* merge a b"),
        (two_first_ones, r"Branch name 'project' in revision \w+ already used by revision \w+"),
        (
            lambda root: suppliers_of(root, depends_on="gone_0001"),
            r"depends on 'gone_0001', which is missing\. Restore",
        ),
        (
            lambda root: add_revision(root / "apps/shop/migrations", f"{'x' * 28}_0001"),
            r"x_0001 has more than 32 characters",
        ),
        (lambda root: suppliers_of(root).write_text("revision ="), r"1a2b3c\.py"),
    ],
)
def test_revisions_that_are_at_fault_are_named(
    root: Path, tmp_path: Path, fault: Callable[[Path], object], says: str
) -> None:
    fault(root)
    database = open_database(f"sqlite:///{tmp_path / 'sessions.db'}")
    for ask in (migrate.upgrade, migrate.schema_state):
        with pytest.raises(SchemaError, match=says):
            ask(database, root)
    database.dispose()
