"""No value makes a table unshowable: what its column can hold comes back as that, and the rest is refused and named."""

from __future__ import annotations

import json
from datetime import date, time
from decimal import Decimal
from typing import Any

import hypothesis
import pandas as pd
import pyarrow as pa
import pytest
import streamlit
from hypothesis import given
from hypothesis import strategies as st
from streamlit.elements.lib.column_config_utils import is_type_compatible
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.streamlit_compat.messages import ClientMessage
from core.ui.table_edits import Base, Draft, TableEdits, edited, fit, without_unfit
from core.ui.table_values import Table

DAY = pd.Timestamp("2026-05-01")
COLUMNS: dict[str, pd.Series[Any]] = {
    **{dtype: pd.Series([1, 2], dtype=dtype) for dtype in ("int8", "int64", "uint8", "uint64", "Int8", "UInt64")},
    **{dtype: pd.Series([1.5, 2.5], dtype=dtype) for dtype in ("float32", "float64", "Float32")},
    **{dtype: pd.Series([True, False], dtype=dtype) for dtype in ("bool", "boolean", "object")},
    **{dtype: pd.Series(["a", "b"], dtype=dtype) for dtype in ("str", "string[pyarrow]", "string[python]")},
    "texts": pd.Series(["a", "b"], dtype=object),
    "category": pd.Series(["a", "b"], dtype="category"),
    "numbers category": pd.Series([1, 2], dtype="category"),
    **{unit: pd.Series([DAY, DAY], dtype=f"datetime64[{unit}]") for unit in ("s", "us", "ns")},
    "UTC": pd.Series([DAY, DAY], dtype="datetime64[ns]").dt.tz_localize("UTC"),
    "Berlin": pd.Series([DAY, DAY], dtype="datetime64[us]").dt.tz_localize("Europe/Berlin"),
    "s timedelta": pd.Series([pd.Timedelta("1s")] * 2, dtype="timedelta64[s]"),
    "ns timedelta": pd.Series([pd.Timedelta("1s")] * 2, dtype="timedelta64[ns]"),
    "dates": pd.Series([date(2026, 5, 1), date(2026, 5, 2)], dtype=object),
    "times": pd.Series([time(9), time(10)], dtype=object),
    "decimals": pd.Series([Decimal("1.50"), Decimal("2.25")], dtype=object),
    "lists": pd.Series([["a"], ["b", "c"]], dtype=object),
    "lists of numbers": pd.Series([[1], [2, 3]], dtype=object),
    "empty cells": pd.Series([None, None], dtype=object),
    "mixed": pd.Series(["a", 1], dtype=object),
    "bytes": pd.Series([b"a", b"b"], dtype=object),
    "periods": pd.Series(pd.period_range("2026-05", periods=2, freq="M")),
    **{
        f"Arrow {kind}": pd.Series(values, dtype=pd.ArrowDtype(kind))
        for kind, values in (
            (pa.int16(), [1, 2]),
            (pa.bool_(), [True, False]),
            (pa.string(), ["a", "b"]),
            (pa.decimal128(5, 2), [Decimal("1.50"), Decimal("2.25")]),
            (pa.timestamp("ns", "UTC"), [DAY.tz_localize("UTC")] * 2),
            (pa.date32(), [date(2026, 5, 1)] * 2),
            (pa.list_(pa.int64()), [[1], [2, 3]]),
        )
    },
}
"""A column of each type that Streamlit's editor edits, and of some that it only shows."""

SENT: list[Any] = [
    *(None, True, False, 0, 1, 2, -1, 127, 128, 255, 300, 2**31, 2**53, 2**63, 2**64, 10**400, 0.5, 1.0, -1.5, 1e30),
    *(1e300, float("nan"), float("inf"), "", "a", "b", "c", "1", "x\x00y", "\ud800", "é😀", "2026-05-01", "NaT", "now"),
    *("2026-05-01T12:30:00.000", "2026-05-01T12:30:00.000Z", "2026-05-01T12:30:00.500Z", "9999-12-31T00:00:00.000Z"),
    *("9999-12-31T00:00:00.000", "9999-12-31", "0001-01-01T00:00:00.000Z", "12:30:00.000", "1500-02-29", "1 day"),
    *("1e999", "99999999999999999999999999999999999999999.5", "NaN", "Infinity", [], ["a"], ["a", "b"], ["1", "2"]),
    *([1, 2], [None], ["a", 1], [["a"]], {}, {"a": 1}),
]
VALUES = st.sampled_from(SENT) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


def table(name: str, *, empty: bool = False) -> pd.DataFrame:
    frame = pd.DataFrame({"one": COLUMNS[name], "two": COLUMNS[name]})
    return frame.iloc[:0] if empty else frame


UNTYPED = {"decimals", "empty cells", "mixed", "periods"}
"""Columns whose type for the browser depends on what they hold, and those that it only shows."""


def types(frame: pd.DataFrame) -> list[pa.DataType]:
    """The types by which the browser's editor decides how a cell is edited."""
    return [field.type for field in pa.Schema.from_pandas(frame, preserve_index=False)]


def entered(base: Base, values: list[Any]) -> TableEdits:
    """Each of the values as an edit of a cell of its own, and in a row of its own that was added."""
    size = len(base.table.frame)
    rows = {
        base.key(place): {
            "was": base.row_was(place),
            "deleted": False,
            "cells": {"one": {"to": value, "was": base.cell_was(place, "one")}},
        }
        for place, value in enumerate(values[:size])
    }
    return {"rows": rows, "added": {str(number): {"one": value} for number, value in enumerate(values)}}


def check(name: str, base: Base, values: list[Any]) -> None:
    """Each is held exactly as its column holds it, or named; no row gets lost; the columns keep their types."""
    kept, size = entered(base, values), len(base.table.frame)
    named = {each.key for each in fit(kept, base).unfit}
    assert not fit(without_unfit(kept, base), base).unfit, "who lets go of them is rid of them"
    draft, result = Draft.of(base, kept, "t"), edited(base, kept)
    assert len(result) == len(draft.table.frame) == size + len(values)
    places = [*zip(map(base.key, range(size)), range(size), values, strict=False)]
    places += [(str(number), size + number, value) for number, value in enumerate(values)]
    for key, place, value in places:
        held = result["one"].iloc[place]
        if key in named:
            assert not base.table.takes("one", value)
            assert place < size or held is None or held is False or pd.isna(held)
            continue
        wanted = base.table.cell("one", value)
        if value is None:
            assert held is None or pd.isna(held)
        else:
            assert list(held) == list(wanted) if isinstance(value, list) else held == wanted
    if name not in UNTYPED and not pa.types.is_null(types(base.table.frame)[0]):
        assert types(draft.table.frame) == types(base.table.frame)


@pytest.mark.parametrize("empty", [False, True], ids=["rows", "empty"])
@pytest.mark.parametrize("name", COLUMNS)
def test_each_entry_is_held_exactly_or_named(name: str, empty: bool) -> None:
    base = Base(table(name, empty=empty))
    check(name, base, SENT)
    check(name, base, [value for value in SENT if base.table.takes("one", value)])


@pytest.mark.parametrize("name", COLUMNS)
@hypothesis.settings(max_examples=4)
@given(values=st.lists(VALUES, min_size=5, max_size=20))
def test_so_is_whatever_else_may_be_stored(name: str, values: list[Any]) -> None:
    check(name, Base(table(name)), values)


pytestmark = pytest.mark.usefixtures("as_one_person")


def page() -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    st.session_state["manager"] = get_session_manager()
    st.session_state["returned"] = {
        name: ui.data_editor(data, form="f", field=name, num_rows="dynamic", hide_index=True)
        for name, data in st.session_state["tables"].items()
    }


def open_tab(**tables: Any) -> AppTest:
    tab = AppTest.from_function(page)
    tab.session_state["tables"] = tables
    return shown(tab.run())


def shown(tab: AppTest) -> AppTest:
    assert not tab.exception, tab.exception[0].message
    return tab


def said(tab: AppTest) -> str:
    return str(tab.warning[0].value).replace("\\", "")


def store(tab: AppTest, **kept: Any) -> None:
    for field, value in kept.items():
        tab.session_state["manager"].session.set_field("f", field, value)


def send(tab: AppTest, field: str, **state: Any) -> None:
    """Send what an editor holds, as a browser does, before the run that follows on it."""
    manager = tab.session_state["manager"]
    key = manager.known_fields[f"f.{field}"].value.key
    message = WidgetState(id=f"$$ID-0123-{key}", string_value=json.dumps(state))
    edits = manager.live.read(ClientMessage(states=[message])).edits
    if edits:
        manager.live.keep(edits)
    shown(tab.run())


def test_a_page_shows_whatever_is_stored_for_its_tables_and_offers_to_let_go_of_it() -> None:
    tables = {name: table(name) for name in COLUMNS}
    storable = [value for value in SENT if value != "\ud800"]
    tab = open_tab(**tables)
    store(tab, **{name: entered(Base(data), storable) for name, data in tables.items()})
    shown(tab.run())
    assert len(tab.warning) == len(COLUMNS)
    shown(tab.button[0].click().run())
    assert len(tab.warning) == len(COLUMNS) - 1
    again = open_tab(**tables)
    assert all(len(result) > 2 for result in again.session_state["returned"].values()), "what fits is there"


CONFIGURED: dict[str, tuple[str, Any]] = {
    "DateColumn": ("2026-05-01", date(2026, 5, 1)),
    "TimeColumn": ("12:30:00.000", time(12, 30)),
    "DatetimeColumn": ("2026-05-01T12:30:00.000", pd.Timestamp("2026-05-01T12:30")),
    "DatetimeColumn in UTC": ("2026-05-01T12:30:00.000Z", pd.Timestamp("2026-05-01T12:30Z")),
    "NumberColumn": (3, 3.0),
    "CheckboxColumn": (True, True),
    "TextColumn": ("a", "a"),
    "LinkColumn": ("a", "a"),
    "SelectboxColumn": ("a", "a"),
    "ListColumn": (["a"], ["a"]),
    "MultiselectColumn": (["a"], ["a"]),
}
"""By the configuration of a column that holds nothing: what its browser sends for a cell, and what it shows then."""


def configured(name: str) -> Any:
    if name == "DatetimeColumn in UTC":
        return streamlit.column_config.DatetimeColumn(timezone="UTC")
    options = {"options": ["a", 1, True, 1.5]} if name in ("SelectboxColumn", "MultiselectColumn") else {}
    return getattr(streamlit.column_config, name)(**options)


def untyped_page() -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    st.session_state["manager"] = get_session_manager()
    st.session_state["returned"] = {}
    for name, config in st.session_state["configs"].items():
        for kind, data in st.session_state["tables"].items():
            st.session_state["returned"][kind, name] = ui.data_editor(
                data, form="f", field=f"{kind} {name}", num_rows="dynamic", column_config=config
            )


def open_untyped(**configs: Any) -> AppTest:
    tab = AppTest.from_function(untyped_page)
    tab.session_state["configs"] = configs
    tab.session_state["tables"] = {
        "empty": pd.DataFrame(columns=["one"]),
        "blank": pd.DataFrame({"one": [None, None]}),
        "records": [{"one": None}],
    }
    return shown(tab.run())


@pytest.mark.parametrize("column", ["one", 1])
def test_a_column_that_holds_nothing_yet_is_shown_as_it_is_configured_once_it_holds_something(
    column: str | int,
) -> None:
    configs = {name: {column: configured(name)} for name in CONFIGURED}
    tab = open_untyped(**configs)
    for name, (value, _) in CONFIGURED.items():
        send(tab, f"empty {name}", added_rows=[{"one": value}, {}])
        send(tab, f"blank {name}", edited_rows={"1": {"one": value}})
        send(tab, f"records {name}", edited_rows={"0": {"one": value}}, added_rows=[{}])
    for each in (tab, shown(tab.run()), open_untyped(**configs)):
        assert not each.warning, said(each)
        known = each.session_state["manager"].known_fields
        for name, (value, wanted) in CONFIGURED.items():
            returned = {kind: each.session_state["returned"][kind, name] for kind in ("empty", "blank", "records")}
            assert returned["empty"]["one"].tolist() == [value, None], "as in Streamlit"
            assert returned["blank"]["one"].tolist() == [None, value]
            assert returned["records"] == [{"one": value}, {"one": None}]
            if each is not tab:
                held = known[f"f.empty {name}"].value.draft.table.frame["one"].iloc[0]
                assert (type(held), held) == (type(wanted), wanted)


@pytest.mark.parametrize("column", ["one", "_index"])
@pytest.mark.parametrize("name", [*CONFIGURED, "Column"])
def test_whatever_is_stored_for_a_column_that_holds_nothing_is_shown_as_it_is_configured(
    name: str, column: str
) -> None:
    config = {column: configured(name)}
    data = pd.DataFrame(columns=["one"], index=pd.Index([], dtype=object))
    for values in (*([value] for value in SENT), SENT):
        base = Base(data, None, config)
        rows = {str(number): {"_index": str(number), column: value} for number, value in enumerate(values)}
        frame = Draft.of(base, {"rows": {}, "added": rows}, "t").table.frame
        shown_as = Table.read(frame).schema[column]
        if name != "Column":
            assert is_type_compatible(config[column]["type_config"]["type"], shown_as), (values, shown_as)


def test_a_column_that_holds_nothing_may_be_configured_otherwise_while_it_is_shown() -> None:
    tab = open_untyped(field={"one": configured("NumberColumn")})
    send(tab, "empty field", added_rows=[{"one": 3}])
    tab = open_untyped(field={"one": configured("NumberColumn")})
    for name in CONFIGURED:
        tab.session_state["configs"] = {"field": {"one": configured(name)}}
        shown(tab.run())
    assert open_untyped(field={}).session_state["returned"]["empty", "field"]["one"].tolist() == [3]


NO_EDITS: list[Any] = [
    "text",
    {},
    {"rows": {}},
    {"rows": {"x": {}}, "added": {}},
    {"rows": {"x": {"was": "", "deleted": True, "cells": {}}}, "added": {}},
    {"rows": {":": {"was": "", "deleted": False, "cells": {}}}, "added": {}},
    {"rows": {"=x": {"was": "", "deleted": False, "cells": {"one": {}}}}, "added": {}},
    {"rows": {"=x": {"was": "", "deleted": False, "cells": {"one": {"to": 1}}}}, "added": {}},
    {"rows": {"=x": {"was": None, "deleted": None, "cells": None}}, "added": {}},
    {"rows": {7: {"was": "", "deleted": True, "cells": {}}}, "added": {}},
    {"rows": {}, "added": {"x": {1: 2}}},
    {"rows": {}, "added": {"x": None}},
]


def test_a_page_shows_its_table_where_something_else_is_stored() -> None:
    tables = {f"table {number}": table("int8") for number in range(len(NO_EDITS))}
    tab = open_tab(**tables)
    store(tab, **dict(zip(tables, NO_EDITS, strict=True)))
    shown(tab.run())
    assert len(tab.warning) == len(NO_EDITS)
    for result in tab.session_state["returned"].values():
        pd.testing.assert_frame_equal(result, table("int8"))


LATE = "9999-12-31T00:00:00.000Z"


def test_what_a_column_cannot_hold_is_refused_in_its_cell_and_the_rest_of_the_message_is_kept() -> None:
    tab = open_tab(due=table("UTC"), small=table("int8"))
    send(tab, "due", edited_rows={"0": {"one": LATE, "two": "2026-07-01T00:00:00.000Z"}})
    assert "Row 1, one: 9999-12-31T00:00:00.000Z" in said(tab)
    send(tab, "small", edited_rows={"1": {"one": 300}}, added_rows=[{"one": 5, "two": 1000}])
    assert "Row 2, one: 300" in said(tab)
    assert "New row: two: 1000" in said(tab)
    for each in (tab, open_tab(due=table("UTC"), small=table("int8"))):
        due, small = each.session_state["returned"].values()
        assert due["one"].tolist() == table("UTC")["one"].tolist()
        assert due["two"].iloc[0] == pd.Timestamp("2026-07-01", tz="UTC")
        assert small["one"].tolist() == [1, 2, 5]
    assert not shown(tab.run()).warning, "it is said once"


@pytest.mark.parametrize("name", ["bool", "UTC", "string[pyarrow]", "int8"])
def test_a_row_added_to_an_empty_table_has_its_types_also_in_a_page_loaded_anew(name: str) -> None:
    entries = {"bool": True, "UTC": "2026-05-01T00:00:00.000Z", "int8": 5, "dates": "2026-05-01"}
    tab = open_tab(t=table(name, empty=True))
    send(tab, "t", added_rows=[{"one": entries.get(name, "2026-05-01")}, {}])
    for each in (tab, open_tab(t=table(name, empty=True))):
        result = each.session_state["returned"]["t"]
        assert len(result) == 2
        shown_as = each.session_state["manager"].known_fields["f.t"].value.draft.table
        if each is not tab:  # which begins with the rows
            assert types(shown_as.frame) == types(table(name))
        if name not in ("bool", "int8"):  # which Streamlit, too, makes others for an empty cell
            assert result["one"].dtype == COLUMNS[name].dtype


def labelled(**rows: int) -> pd.DataFrame:
    return pd.DataFrame({"count": rows.values()}, index=list(rows))


def test_an_added_row_whose_label_exists_is_named_until_it_has_another() -> None:
    tab = open_tab(t=labelled(apple=1))
    send(tab, "t", added_rows=[{"_index": "apple", "count": 2}, {"_index": "fig", "count": 3}])
    assert "New row: Label: apple, count: 2" in said(tab)
    assert tab.session_state["returned"]["t"]["count"].to_dict() == {"apple": 1, "fig": 3}
    send(tab, "t", added_rows=[{"_index": "pear", "count": 2}, {"_index": "fig", "count": 3}])
    assert not tab.warning
    assert tab.session_state["returned"]["t"]["count"].to_dict() == {"apple": 1, "pear": 2, "fig": 3}


def test_an_added_row_whose_label_the_table_gains_later_is_named_unless_it_is_that_row() -> None:
    tab = open_tab(t=labelled(apple=1))
    send(tab, "t", added_rows=[{"_index": "fig", "count": 3}])
    assert not open_tab(t=labelled(apple=1, fig=3)).warning
    gained = open_tab(t=labelled(apple=1, fig=9))
    assert "New row: Label: fig, count: 3" in said(gained)
    assert gained.session_state["returned"]["t"]["count"].to_dict() == {"apple": 1, "fig": 9}
    shown(gained.button[0].click().run())
    assert not gained.warning
