"""With keys set nothing that people wrote can be read from the files, also after keys were added or changed."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text

from core.commands import keys
from core.commands.doctor import examine
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.migrate import upgrade
from manage import manage
from tests.engine.writing import put

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
AWAY = "postgresql+psycopg://nobody@127.0.0.1:1/none"
MARK = "plain-text-mark"
SESSIONS = [f"s{number}" for number in range(4)]


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    def make(*keys: str, **changes: object) -> Settings:
        made = make_settings(session_encryption_keys=",".join(keys), **changes)
        with use_services(build_services(made)) as services:
            if services.database.dialect.name == "sqlite":
                upgrade(services.database)
        return made

    return make


def write(settings: Settings, where: str) -> None:
    """Edit in every session: `where` is database, or journal, where the database is away so that edits wait."""
    with use_services(build_services(settings)) as services:
        for session_id in SESSIONS:
            values = {f"form/{where}/field/{n}": f"{MARK} {where} {n} {'x' * n * 40}" for n in range(30)}
            put(services.engine, session_id, values)
            if where == "database":
                services.engine.flush()


def write_everywhere(settings: Settings) -> None:
    for _ in range(2):
        write(settings, "database")
    with use_services(build_services(settings)) as services:
        services.store.purge("s3")
    write(settings.model_copy(update={"database_url": AWAY}), "journal")


def leave_traces(folder: Path) -> None:
    """Leave what SQLite leaves of deleted rows where it wasn't built to wipe them, as Debian's is."""
    for file in ("sessions.db", "journal.db"):
        with closing(sqlite3.connect(folder / file)) as connection:
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute("CREATE TABLE trace (value TEXT)")
            connection.executemany("INSERT INTO trace VALUES (?)", [(f"{MARK} {'y' * n}",) for n in range(200)])
            connection.commit()
            connection.execute("DROP TABLE trace")
            connection.commit()
    assert set(files_with(folder, MARK)) >= {"sessions.db", "journal.db"}


def everything(settings: Settings) -> dict[str, dict[str, object]]:
    with use_services(build_services(settings)) as services:
        sessions = {session_id: services.engine.open(session_id) for session_id in SESSIONS[:3]}
        assert [session.unreadable for session in sessions.values()] == [{}] * 3
        return {
            session_id: {form: session.form(form).values for form in ("database", "journal")}
            for session_id, session in sessions.items()
        }


def files_with(folder: Path, mark: str) -> list[str]:
    return [file.name for file in folder.iterdir() if file.is_file() and mark.encode() in file.read_bytes()]


def rotate(settings: Settings) -> Result:
    with use_services(build_services(settings)):
        return CliRunner().invoke(manage, ["rotate-keys"])


def trouble(settings: Settings) -> dict[str, str]:
    return {finding.subject: finding.says for finding in examine(settings) if finding.fix}


def test_with_a_key_nothing_written_can_be_read_from_the_files(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    using = settings(NEW)
    write_everywhere(using)
    assert files_with(tmp_path, MARK) == []
    assert files_with(tmp_path, "form/journal/field"), "the test looks at the right files"


@pytest.mark.parametrize("before", [(), (OLD,)], ids=["plain", "another key"])
def test_after_a_rotation_the_old_key_is_not_needed_and_nothing_old_is_left(
    settings: Callable[..., Settings], tmp_path: Path, before: tuple[str, ...]
) -> None:
    write_everywhere(settings(*before))
    expected = everything(settings(*before).model_copy(update={"database_url": settings().database_url}))
    write(settings(*before, database_url=AWAY), "journal")
    leave_traces(tmp_path)
    assert "encryption" in trouble(settings(NEW, *before))
    tokens = stored_tokens(settings(), tmp_path)

    answer = rotate(settings(NEW, *before))

    assert answer.exit_code == 0, answer.output
    assert "under the first key" in answer.output
    assert files_with(tmp_path, MARK) == []
    assert [name for token in tokens for name in files_with(tmp_path, token)] == []
    assert "encryption" not in trouble(settings(NEW))
    assert everything(settings(NEW)) == expected
    again = rotate(settings(NEW))
    assert (again.exit_code, "Encrypted 0 values" in again.output) == (0, True)


def stored_tokens(settings: Settings, folder: Path) -> list[str]:
    """A piece of every value as it stands in the database and the journal."""
    pieces = []
    for file, table in (("sessions.db", "entries"), ("journal.db", "entry")):
        with closing(sqlite3.connect(folder / file)) as connection:
            pieces += [value[-60:] for (value,) in connection.execute(f"SELECT value FROM {table}") if len(value) > 80]
    assert len(pieces) > 60
    return pieces


def test_a_rotation_that_is_interrupted_can_be_repeated(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_everywhere(settings(OLD))
    whole, calls = keys.Rotation.__call__, 0

    def interrupted(self: keys.Rotation, entry: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 50:
            raise KeyboardInterrupt
        return whole(self, entry)  # type: ignore[arg-type]

    monkeypatch.setattr(keys.Rotation, "__call__", interrupted)
    assert rotate(settings(NEW, OLD)).exit_code != 0
    assert len(everything(settings(NEW, OLD))) == 3
    assert rotate(settings(NEW, OLD)).exit_code == 0
    assert len(everything(settings(NEW))["s0"]["database"]) == 30  # type: ignore[arg-type]


def test_an_edit_made_during_a_rotation_stays(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings(OLD), "database")
    whole, edited = keys.Rotation.__call__, threading.Event()
    with use_services(build_services(settings(NEW, OLD))) as app:

        def edited_meanwhile(self: keys.Rotation, entry: object) -> object:
            if not edited.is_set():
                edited.set()
                put(app.engine, "s0", {"form/database/field/1": "later"})
                app.engine.flush()
            return whole(self, entry)  # type: ignore[arg-type]

        monkeypatch.setattr(keys.Rotation, "__call__", edited_meanwhile)
        assert rotate(settings(NEW, OLD)).exit_code == 0
    assert everything(settings(NEW))["s0"]["database"]["1"] == "later"  # type: ignore[index]


def test_a_value_under_a_lost_key_is_named_and_left_alone(settings: Callable[..., Settings]) -> None:
    lost = Fernet.generate_key().decode()
    with use_services(build_services(settings(lost))) as services:
        put(services.engine, "s0", {"form/f/field/lost": MARK})
        services.engine.flush()
    answer = rotate(settings(NEW))
    assert answer.exit_code == 1
    assert "form/f/field/lost: " in answer.output
    assert "Keep the old keys" in answer.output
    assert "can't be read" in trouble(settings(NEW))["encryption"]
    with use_services(build_services(settings(NEW, lost))) as services:
        assert services.engine.open("s0").form("f").values == {"lost": MARK}


def test_damaged_values_hold_up_no_rotation_and_need_no_old_key(settings: Callable[..., Settings]) -> None:
    made = settings(OLD)
    write(made, "database")
    rotating = made.model_copy(update={"session_encryption_keys": (SecretStr(NEW), SecretStr(OLD))})
    with use_services(build_services(rotating)) as services, services.database.begin() as connection:
        connection.execute(text("UPDATE entries SET value = 'damaged' WHERE session_id = 's0' AND path LIKE '%/7'"))
    with use_services(build_services(rotating)):
        answer = CliRunner().invoke(manage, ["rotate-keys"])
    assert answer.exit_code == 0, answer.output
    assert "1 damaged values can't be encrypted" in answer.output
    assert "s0 form/database/field/7" in answer.output
    assert "The other keys can be removed" in answer.output


def test_servers_that_still_write_under_another_key_are_noticed(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, numbers = keys.Rotation.__call__, itertools.count()
    with use_services(build_services(settings(OLD))) as not_restarted:

        def edited_meanwhile(self: keys.Rotation, entry: object) -> object:
            renewed = whole(self, entry)
            number = next(numbers)
            put(not_restarted.engine, "s0", {f"form/f/field/{number % 7}": number})
            not_restarted.engine.flush()
            return renewed  # type: ignore[arg-type]

        put(not_restarted.engine, "s0", {"form/f/field/0": MARK})
        not_restarted.engine.flush()
        monkeypatch.setattr(keys.Rotation, "__call__", edited_meanwhile)
        answer = rotate(settings(NEW, OLD))
    assert answer.exit_code == 1
    assert "Restart every server" in answer.output


def test_without_a_key_a_rotation_says_how_to_make_one(settings: Callable[..., Settings]) -> None:
    answer = rotate(settings())
    assert answer.exit_code == 1
    assert "openssl rand" in answer.output


def test_rotating_in_postgresql(
    settings: Callable[..., Settings], make_settings: Callable[..., Settings], postgres_url: str
) -> None:
    def using(*keys: str) -> Settings:
        return make_settings(session_encryption_keys=",".join(keys), database_url=postgres_url, durability="database")

    with use_services(build_services(using())) as services:
        upgrade(services.database)
        put(services.engine, "s0", {"form/f/field/a": MARK})
    assert rotate(using(NEW)).exit_code == 0

    def stored(services: Services) -> list[str]:
        with services.database.connect() as connection:
            return list(connection.execute(text("SELECT value FROM entries")).scalars())

    with use_services(build_services(using(NEW))) as services:
        assert [value for value in stored(services) if MARK in value] == []
        assert services.engine.open("s0").form("f").values == {"a": MARK}
