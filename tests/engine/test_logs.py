"""LOG_LEVEL decides what is logged; the log tells nothing that is secret."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from core.logs import configure_logs
from core.settings import PROJECT_ROOT
from core.storage.database import open_database

SECRET = "what nobody may read"
log = structlog.get_logger(__name__)


@pytest.fixture(autouse=True)
def configuration_of_the_tests() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_what_is_below_the_level_is_not_logged(stream: io.StringIO) -> None:
    configure_logs("WARNING", production=True, stream=stream)
    log.info("flushed")
    log.warning("flush failed")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["flush failed"]


def test_production_writes_one_json_object_a_line(stream: io.StringIO) -> None:
    configure_logs("INFO", production=True, stream=stream)
    log.error("flush failed", failures=3, reason="line\nbreak")
    (line,) = stream.getvalue().splitlines()
    written = json.loads(line)
    assert written.items() >= {"event": "flush failed", "level": "error", "failures": 3, "module": "test_logs"}.items()
    assert written["timestamp"].endswith("Z")


def test_development_writes_for_people(stream: io.StringIO) -> None:
    configure_logs("INFO", production=False, stream=stream)
    log.info("flushed", entries=3)
    assert "flushed" in stream.getvalue()
    assert "entries=3" in stream.getvalue()
    assert "{" not in stream.getvalue()


@pytest.mark.parametrize("production", [True, False])
@pytest.mark.parametrize("name", ["value", "password", "token", "secret_key"])
def test_what_is_named_like_a_secret_is_withheld(stream: io.StringIO, production: bool, name: str) -> None:
    configure_logs("INFO", production=production, stream=stream)
    log.error("refused", **{name: SECRET, "path": "form/f/field/a"})
    assert SECRET not in stream.getvalue()
    assert "form/f/field/a" in stream.getvalue()


@pytest.mark.parametrize("production", [True, False])
def test_a_traceback_shows_no_local_variable(stream: io.StringIO, production: bool) -> None:
    configure_logs("INFO", production=production, stream=stream)
    typed = SECRET.upper()
    try:
        len(typed) / 0
    except ZeroDivisionError:
        log.exception("a page is broken")
    assert "ZeroDivisionError" in stream.getvalue()
    assert typed not in stream.getvalue()


def test_an_error_of_the_database_does_not_show_the_values_it_was_given() -> None:
    database = open_database("sqlite://")
    with database.connect() as connection, pytest.raises(Exception, match="no such table") as error:
        connection.exec_driver_sql("INSERT INTO nowhere VALUES (?)", (SECRET,))
    database.dispose()
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(("level", "said"), [("INFO", True), ("ERROR", False)])
def test_the_setting_holds_for_the_whole_process(tmp_path: object, level: str, said: bool) -> None:
    code = (
        "import structlog; from core.services import get_services; get_services(); structlog.get_logger().info('hello')"
    )
    environment = {
        **os.environ,
        "LOG_LEVEL": level,
        "DATABASE_URL": f"sqlite:///{tmp_path}/sessions.db",
        "JOURNAL_PATH": f"{tmp_path}/journal.db",
    }
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert ("hello" in answer.stderr) is said
    assert answer.stdout == ""


class FullDisk(io.StringIO):
    """A file that can't grow."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_line_that_can_not_be_written_is_lost_and_not_what_it_was_about() -> None:
    configure_logs("INFO", production=False, stream=FullDisk())
    structlog.get_logger().error("the journal takes no edit; trying the database")
