"""The debounced writer flushes soon, seldom, and never forgets."""

from __future__ import annotations

import threading

import pytest

from core.accounts.background_writes import BackgroundWriter
from core.session_persistence import DebouncedWriter
from core.storage.database import CircuitBreaker


class Recorder:
    """A flush that counts, and fails while told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.broken = False
        self.flushed = threading.Event()

    def __call__(self) -> None:
        self.calls += 1
        if self.broken:
            raise OSError("the database is away")
        self.flushed.set()


def test_the_default_delay_is_two_seconds() -> None:
    assert DebouncedWriter(Recorder()).debounce_delay == 2.0


def test_the_deadline_counts_from_the_first_mark() -> None:
    writer = DebouncedWriter(Recorder(), debounce_delay=3600)
    writer.mark()
    deadline = writer.deadline
    for _ in range(100):
        writer.mark()
    assert writer.deadline == deadline
    writer.close()


def test_a_mark_is_followed_by_a_flush() -> None:
    flush = Recorder()
    writer = DebouncedWriter(flush, debounce_delay=0.01)
    writer.mark()
    assert flush.flushed.wait(timeout=300)
    writer.close()


def test_many_marks_are_one_flush() -> None:
    flush = Recorder()
    writer = DebouncedWriter(flush, debounce_delay=3600)
    for _ in range(1000):
        writer.mark()
    writer.flush()
    assert (flush.calls, writer.deadline) == (1, None)
    writer.close()


def test_closing_flushes_once_and_closing_again_does_nothing() -> None:
    flush = Recorder()
    writer = DebouncedWriter(flush, debounce_delay=3600)
    writer.mark()
    writer.close()
    writer.close()
    assert flush.calls == 1


def test_a_failed_flush_is_reported_counted_and_tried_again() -> None:
    flush = Recorder()
    flush.broken = True
    writer = DebouncedWriter(flush, debounce_delay=3600)
    writer.mark()
    with pytest.raises(OSError, match="away"):
        writer.flush()
    assert writer.status.failures >= 1, "on a slow machine it has been tried again by now"
    assert writer.status.last_error == "the database is away"
    flush.broken = False
    assert flush.flushed.wait(timeout=300)
    writer.close()
    assert writer.status.failures == 0


def test_after_an_outage_of_hours_it_flushes_without_another_mark() -> None:
    flush = Recorder()
    flush.broken = True
    writer = DebouncedWriter(flush, debounce_delay=3600)
    writer.mark()
    for _ in range(1100):
        with pytest.raises(OSError, match="away"):
            writer.flush()
    flush.broken = False
    assert flush.flushed.wait(timeout=300)
    writer.close()


@pytest.mark.parametrize("error", [SystemExit, MemoryError, KeyboardInterrupt])
def test_its_thread_goes_on_whatever_a_flush_raises(error: type[BaseException]) -> None:
    raised, flushed = threading.Event(), threading.Event()

    def flush() -> None:
        if not raised.is_set():
            raised.set()
            raise error
        flushed.set()

    writer = DebouncedWriter(flush, debounce_delay=0.01)
    writer.mark()
    assert raised.wait(timeout=300)
    assert flushed.wait(timeout=300)
    writer.close()


def test_where_no_thread_can_be_had_the_next_mark_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    flush = Recorder()
    writer = DebouncedWriter(flush, debounce_delay=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        writer.mark()
    writer.mark()
    assert flush.flushed.wait(timeout=300)
    writer.close()


def test_background_writes_go_on_whatever_another_raises() -> None:
    failed, written = threading.Event(), threading.Event()
    background = BackgroundWriter(CircuitBreaker())

    def fail() -> None:
        failed.set()
        raise AttributeError("an error nobody thought of")

    background.later("fails", fail)
    assert failed.wait(timeout=300)
    background.later("other", written.set)
    assert written.wait(timeout=300)
    background.close()


def test_background_writes_wait_for_a_thread_that_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    written = threading.Event()
    background = BackgroundWriter(CircuitBreaker())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        background.later("one", lambda: None)
    background.later("other", written.set)
    assert written.wait(timeout=300)
    background.close()


def no_thread(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_flushed_soon_it_flushes_long_before_its_time_and_says_so() -> None:
    flushed = threading.Event()
    writer = DebouncedWriter(flushed.set, debounce_delay=3600)
    writer.mark()
    assert writer.flush_soon(60)
    assert flushed.is_set()
    assert writer.flush_soon(0), "nothing is marked"
    writer.close()


def test_flushed_soon_while_flushes_fail_it_does_not_wait_for_them() -> None:
    def fail() -> None:
        raise ConnectionError("away")

    writer = DebouncedWriter(fail, debounce_delay=3600)
    writer.mark()
    assert not writer.flush_soon(60)
    assert not writer.flush_soon(60)
    with pytest.raises(ConnectionError):
        writer.close()
