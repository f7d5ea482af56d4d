"""A sealed entry opens as it was sealed, or the damage is noticed; what another version or key wrote is no damage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from core.clock import HybridClock
from core.codec import encode
from core.errors import CorruptValueError, NotKeptError, UnreadableValueError
from core.storage.entry import Entry
from core.storage.envelope import Envelope

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
ENVELOPES = {"plain": Envelope(), "encrypted": Envelope([NEW, OLD])}
STAMP = HybridClock().tick()

names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.one_of(st.none(), st.text(), st.integers(), st.lists(st.booleans()))
entries = st.builds(
    lambda session_id, path, value, base: Entry(
        session_id=session_id, path=path, value=None if value is None else encode(value), stamp=STAMP, base=base
    ),
    names,
    names,
    values,
    names,
)
any_envelope = pytest.mark.parametrize("envelope", ENVELOPES.values(), ids=ENVELOPES)


@pytest.fixture
def entry() -> Entry:
    return Entry(session_id="s", path="form/f/field/a", value=encode("a lamp"), stamp=STAMP)


@any_envelope
@given(entry=entries)
def test_a_sealed_entry_opens_as_it_was(envelope: Envelope, entry: Entry) -> None:
    sealed = envelope.seal(entry)
    assert isinstance(sealed.value, str)
    assert envelope.open(sealed) == entry


@any_envelope
@given(entry=entries, data=st.data())
def test_any_change_of_any_column_is_noticed(envelope: Envelope, entry: Entry, data: st.DataObject) -> None:
    sealed = envelope.seal(entry)
    column = data.draw(st.sampled_from(["session_id", "path", "value", "stamp", "base"]))
    before: str = getattr(sealed, column)
    at = data.draw(st.integers(0, len(before)))
    kept_from = data.draw(st.integers(at, len(before)))
    after = before[:at] + data.draw(st.text(max_size=3)) + before[kept_from:]
    if after != before:
        with pytest.raises(CorruptValueError):
            envelope.open(replace(sealed, **{column: after}))


@any_envelope
def test_every_flipped_bit_and_every_truncation_is_noticed(envelope: Envelope, entry: Entry) -> None:
    sealed = envelope.seal(entry)
    assert sealed.value is not None
    written = sealed.value.encode()
    damaged = [written[:length] for length in range(len(written))]
    for position in range(len(written) * 8):
        flipped = bytearray(written)
        flipped[position // 8] ^= 1 << position % 8
        damaged.append(bytes(flipped))
    for value in damaged:
        with pytest.raises(CorruptValueError):
            envelope.open(replace(sealed, value=value.decode(errors="surrogateescape")))


@given(entry=entries, other=entries)
def test_a_character_cannot_change_from_one_column_to_the_next(entry: Entry, other: Entry) -> None:
    sealed = Envelope().seal(entry)
    moved = replace(sealed, session_id=other.session_id, path=other.path)
    if (moved.session_id, moved.path) != (entry.session_id, entry.path):
        with pytest.raises(CorruptValueError):
            Envelope().open(moved)
    joined = replace(sealed, session_id=sealed.session_id + sealed.path, path="")
    if sealed.path:
        with pytest.raises(CorruptValueError):
            Envelope().open(joined)


@any_envelope
@pytest.mark.parametrize("value", [None, "", "1", '"bare"', "1::", b"\xff", 7, "1:00000000:1"])
def test_what_was_never_sealed_is_damage(envelope: Envelope, entry: Entry, value: Any) -> None:
    with pytest.raises(CorruptValueError, match="form/f/field/a"):
        envelope.open(replace(entry, value=value))


def test_a_token_of_another_record_is_refused_even_with_a_right_checksum(entry: Entry) -> None:
    envelope, other = ENVELOPES["encrypted"], replace(entry, session_id="other")
    token = str(envelope.seal(entry).value).split(":", 2)[2]
    # Sealing a "plain" value that is the token gives what somebody who may write to the database could put there.
    forged = Envelope().seal(replace(other, value=token))
    with pytest.raises(CorruptValueError, match="another record"):
        envelope.open(forged)


@pytest.mark.parametrize("path", ["half \ud800", "nul \0"])
def test_a_name_no_database_takes_is_refused_with_the_remedy(entry: Entry, path: str) -> None:
    with pytest.raises(NotKeptError, match="Remove that character"):
        Envelope().seal(replace(entry, path=path))


# Versions


def test_older_values_are_upgraded_in_order_one_version_at_a_time(entry: Entry) -> None:
    def step(number: int) -> Any:
        return lambda path, data: [*data, f"{path} {number}"]

    newer = Envelope(upgrades={number: step(number) for number in (1, 2, 3)})
    first = Envelope().seal(replace(entry, value=encode([])))
    third = Envelope(upgrades={1: step(1), 2: step(2)}).seal(replace(entry, value=encode([])))
    assert newer.open(first).value == encode([f"{entry.path} {number}" for number in (1, 2, 3)])
    assert newer.open(third).value == encode([f"{entry.path} 3"])
    assert newer.open(newer.seal(entry)) == entry


def test_a_removed_path_of_an_older_version_stays_removed(entry: Entry) -> None:
    removed = Envelope().seal(replace(entry, value=None))
    assert Envelope(upgrades={1: lambda _path, _data: "back"}).open(removed).value is None


def test_a_newer_version_is_unreadable_but_not_damaged(entry: Entry) -> None:
    newer = Envelope(upgrades={1: lambda _path, data: data}).seal(entry)
    with pytest.raises(UnreadableValueError, match="newer version"):
        Envelope().open(newer)


def test_a_failing_upgrade_leaves_the_value_alone(entry: Entry) -> None:
    def broken(_path: str, data: Any) -> Any:
        return data["absent"]

    with pytest.raises(UnreadableValueError, match="mend the upgrade"):
        Envelope(upgrades={1: broken}).open(Envelope().seal(entry))


def test_upgrades_must_have_no_gap() -> None:
    with pytest.raises(ValueError, match="each version"):
        Envelope(upgrades={2: lambda _path, data: data})


# Keys


def test_nothing_of_an_encrypted_value_is_in_the_text(entry: Entry) -> None:
    sealed = ENVELOPES["encrypted"].seal(entry).value
    assert sealed is not None
    assert "lamp" not in sealed
    assert "lamp" in str(Envelope().seal(entry).value)


def test_the_first_key_encrypts_and_all_decrypt(entry: Entry) -> None:
    under_old, rotated = Envelope([OLD]).seal(entry), Envelope([NEW, OLD])
    assert rotated.open(under_old) == entry
    assert Envelope([NEW]).open(rotated.seal(entry)) == entry


@pytest.mark.parametrize("envelope", [Envelope(), Envelope([NEW])], ids=["no key", "another key"])
def test_a_missing_key_is_unreadable_but_not_damaged(envelope: Envelope, entry: Entry) -> None:
    with pytest.raises(UnreadableValueError, match="SESSION_ENCRYPTION_KEYS"):
        envelope.open(Envelope([OLD]).seal(entry))


def test_plain_values_stay_readable_when_keys_are_added(entry: Entry) -> None:
    assert Envelope([NEW]).open(Envelope().seal(entry)) == entry


@pytest.mark.parametrize("before", [Envelope(), Envelope([OLD])], ids=["plain", "old key"])
def test_renewing_brings_a_value_under_the_first_key_and_keeps_everything_else(before: Envelope, entry: Entry) -> None:
    envelope, sealed = Envelope([NEW, OLD]), before.seal(entry)
    renewed = envelope.renew(sealed)
    assert (envelope.is_current(sealed), envelope.is_current(renewed)) == (False, True)
    assert replace(renewed, value=None) == replace(sealed, value=None)
    assert Envelope([NEW]).open(renewed) == entry
    assert envelope.renew(renewed) is renewed


def test_renewing_brings_a_value_to_this_version(entry: Entry) -> None:
    newer = Envelope(upgrades={1: lambda _path, _data: "new form"})
    sealed = Envelope().seal(entry)
    assert not newer.is_current(sealed)
    renewed = newer.renew(sealed)
    assert newer.open(renewed).value == encode("new form")


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match="Fernet"):
        Envelope(["not a key"])
