"""The laws of the laboratory's checker, on histories written by hand: what is wrong is named, what may be is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.checker import KINDS, Violation, check
from tests.lab.records import Recorder, State, joined, origin, value_of

A, B = "form/f/field/a", "form/f/field/b"


class History(Recorder):
    """A recorder that writes one path at a time."""

    def begin(self, path: str = A, session: str = "s", *, remove: bool = False) -> int:
        make: Callable[[int], Mapping[str, str | None]] = lambda number: {  # noqa: E731
            path: None if remove else value_of(session, path, number)
        }
        return self.invoke("remove" if remove else "edit", session, make).number

    def write(self, path: str = A, session: str = "s", *, remove: bool = False) -> int:
        number = self.begin(path, session, remove=remove)
        self.acknowledge(number)
        return number

    def purge(self, session: str = "s") -> int:
        return self.invoke("purge", session).number

    def finds(self, number: int | None = None, path: str = A, session: str = "s") -> list[tuple[str, int | None]]:
        """What is wrong when the path holds the value of the operation, or nothing."""
        return self.finds_state({session: {path: value_of(session, path, number)}} if number else {})

    def finds_state(self, state: State) -> list[tuple[str, int | None]]:
        return [(violation.kind, violation.number) for violation in check(self.records, state)]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History(tmp_path / "history.jsonl")
    yield history
    history.close()


def test_what_was_acknowledged_must_be_there(history: History) -> None:
    number = history.write()
    assert history.finds(number) == []
    assert history.finds() == [("lost", number)]


def test_an_unanswered_write_may_have_happened_or_not(history: History) -> None:
    before = history.write()
    maybe = history.begin()
    assert history.finds(before) == history.finds(maybe) == []
    assert history.finds() == [("lost", before)]


def test_a_refused_write_may_be_found_until_a_later_one_is_acknowledged(history: History) -> None:
    refused = history.begin()
    history.refuse(refused, "the disk is full")
    assert history.finds() == history.finds(refused) == []
    later = history.write()
    assert history.finds(later) == []
    assert history.finds(refused) == [("stale", refused)]


def test_an_older_value_instead_of_a_newer_acknowledged_one_is_stale(history: History) -> None:
    older, newer = history.write(), history.write()
    assert history.finds(newer) == []
    assert history.finds(older) == [("stale", older)]


def test_an_unanswered_removal_excuses_a_missing_value(history: History) -> None:
    number = history.write()
    history.begin(remove=True)
    assert history.finds() == history.finds(number) == []


def test_a_removed_value_that_comes_back_is_resurrected(history: History) -> None:
    number = history.write()
    history.write(remove=True)
    assert history.finds() == []
    assert history.finds(number) == [("resurrected", number)]


def test_either_of_two_writes_that_overlapped_may_win(history: History) -> None:
    first, second = history.begin(), history.begin()
    history.acknowledge(second)
    history.acknowledge(first)
    assert history.finds(first) == history.finds(second) == []
    assert history.finds() == [("lost", second)]


def test_a_write_that_began_after_the_answer_to_another_wins_over_it(history: History) -> None:
    first, second = history.begin(), history.begin()
    history.acknowledge(first)
    third = history.write()
    assert history.finds(first) == [("stale", first)]
    assert history.finds(second) == history.finds(third) == []


def test_an_unanswered_write_never_makes_another_outdated(history: History) -> None:
    number = history.write()
    for _ in range(3):
        history.begin()
    assert history.finds(number) == []


def test_a_value_of_another_session_or_path_is_crossed(history: History) -> None:
    own, elsewhere, other = history.write(), history.write(B), history.write(session="t")
    rest = {"t": {A: value_of("t", A, other)}}
    assert history.finds_state({**rest, "s": {A: value_of("t", A, other), B: value_of("s", B, elsewhere)}}) == [
        ("crossed", other)
    ]
    assert history.finds_state({**rest, "s": {A: value_of("s", B, elsewhere), B: value_of("s", B, elsewhere)}}) == [
        ("crossed", elsewhere)
    ]
    assert history.finds_state({**rest, "s": {A: value_of("s", A, own), B: value_of("s", B, elsewhere)}}) == []


@pytest.mark.parametrize("value", ["", "rubbish", value_of("s", A, 1)[:-1], value_of("s", A, 77)])
def test_a_value_that_nobody_wrote_is_a_phantom(history: History, value: str) -> None:
    number = history.write()
    assert number == 1
    assert [kind for kind, _ in history.finds_state({"s": {A: value}})] == ["phantom"]


def test_a_session_or_path_that_nobody_wrote_is_a_phantom(history: History) -> None:
    assert history.finds(5, session="never") == [("phantom", 5)]
    number = history.write()
    state = {"s": {A: value_of("s", A, number), B: value_of("s", B, 9)}}
    assert history.finds_state(state) == [("phantom", 9)]


def test_whatever_is_found_of_a_deleted_session_is_resurrected(history: History) -> None:
    before = history.write()
    history.acknowledge(history.purge())
    late = history.write()
    assert history.finds() == []
    assert history.finds(before) == [("resurrected", before)]
    assert history.finds(late) == [("resurrected", late)]


def test_an_unanswered_deletion_takes_all_or_nothing(history: History) -> None:
    a, b = history.write(A), history.write(B)
    history.purge()
    assert history.finds() == []
    assert history.finds_state({"s": {A: value_of("s", A, a), B: value_of("s", B, b)}}) == []
    assert history.finds(b, path=B) == [("lost", a)]


def test_after_a_settlement_what_was_found_is_what_must_be_found(history: History) -> None:
    before, maybe = history.write(), history.begin()
    history.settle({"s": {A: value_of("s", A, before)}})
    assert history.finds(before) == []
    assert history.finds(maybe) == [("stale", maybe)]
    assert history.finds() == [("lost", before)]
    newer = history.write()
    assert history.finds(newer) == []
    assert history.finds(before) == [("stale", before)]


def test_after_a_settlement_what_was_gone_stays_gone(history: History) -> None:
    maybe, deleted = history.begin(), history.write(session="t")
    history.acknowledge(history.purge("t"))
    history.settle({})
    assert history.finds(maybe) == [("resurrected", maybe)]
    assert [kind for kind, _ in history.finds(deleted, session="t")] == ["resurrected"]


def test_an_answer_after_the_settlement_is_an_error_of_the_laboratory(history: History) -> None:
    number = history.begin()
    history.settle({})
    with pytest.raises(ValueError, match="settled"):
        history.acknowledge(number)


def test_every_record_is_on_the_disk_before_the_call_returns(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    history = History(path)
    number = history.begin()
    assert [json.loads(line)["kind"] for line in path.read_text().splitlines()] == ["invoke"]
    history.acknowledge(number)
    history.settle({"s": {A: value_of("s", A, number)}})
    kinds = [json.loads(line)["kind"] for line in path.read_text().splitlines()]
    assert kinds == ["invoke", "acknowledge", "settle"]


def test_a_violation_says_what_was_found_and_what_was_expected() -> None:
    violation = Violation(kind="lost", session="s", path=A, value=None, number=3, expected=(value_of("s", A, 3), None))
    assert "lost: s form/f/field/a holds nothing, expected s|form/f/field/a|3|" in str(violation)
    assert "or nothing (operation 3)" in str(violation)


@given(st.integers(1, 10**6), st.sampled_from(["s", "person-7"]), st.sampled_from([A, "form/a%2Fb c/saved"]))
def test_every_value_names_the_operation_that_wrote_it(number: int, session: str, path: str) -> None:
    value = value_of(session, path, number)
    assert origin(value) == (session, number)
    assert origin(joined([value, value_of(session, B, number)])) == (session, number)
    assert origin(value + "x") is None
    assert origin(joined([value, value_of(session, B, number + 1)])) is None


Step = tuple[int, str, bool]
"""Which thread, what it does next (begin or end something), and whether it removes."""


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(("begin", "effect", "end")), st.booleans()), max_size=40))
def test_a_register_that_keeps_its_promise_is_never_accused_and_any_other_value_is(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    """Threads write one register; each write takes effect at some moment between its beginning and its end."""
    history = History(tmp_path_factory.mktemp("history") / "history.jsonl")
    running: dict[int, tuple[int, bool]] = {}
    effective: set[int] = set()
    register: int | None = None
    acknowledged_alone: int | None = None
    for thread, step, remove in steps:
        if step == "begin" and thread not in running:
            running[thread] = (history.begin(remove=remove), remove)
            acknowledged_alone = None
        elif thread in running:
            number, removes = running[thread]
            if number not in effective:
                effective.add(number)
                register = None if removes else number
            if step == "end":
                del running[thread]
                history.acknowledge(number)
                acknowledged_alone = number if not running and number == register else None
    assert history.finds(register) == []
    assert [kind for kind, _ in history.finds(10**6)] == ["phantom"]
    if acknowledged_alone is not None and register is not None and len(effective) == 1:
        assert history.finds() == [("lost", register)]
    history.close()


def test_the_kinds_of_violation_are_these_five() -> None:
    assert KINDS == ("lost", "stale", "resurrected", "crossed", "phantom")
