"""Tables of any kind are edited as in Streamlit's own editor, and can be shown with their edits."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from streamlit.elements.widgets.data_editor import DataEditorSerde, DataEditorState
from streamlit.testing.v1 import AppTest

from core.ui.table_edits import NOTHING, Base, Draft, edited


class Colour(Enum):
    RED = 1


def with_column(values: Any, dtype: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"count": [1, 2, 3], "other": pd.Series(values, dtype=dtype)})


def labelled(index: Any) -> pd.DataFrame:
    return pd.DataFrame({"count": [1, 2, 3]}, index=index)


TABLES: dict[str, Any] = {
    "series": pd.Series([1, 2, 3], name="count"),
    "series without a name": pd.Series([1, 2, 3]),
    "array": np.array([1, 2, 3]),
    "array of rows": np.array([[1, 2], [3, 4], [5, 6]]),
    "list": [1, 2, 3],
    "tuple": (1, 2, 3),
    "set": {1, 2, 3},
    "list of rows": [[1, "a"], [2, "b"], [3, "c"]],
    "Arrow": pa.table({"count": [1, 2, 3]}),
    "dict": {"a": 1, "b": 2, "c": 3},
    "dict of series": {"count": pd.Series([1, 2, 3])},
    "numbered columns": pd.DataFrame([[1, "a"], [2, "b"], [3, "c"]]),
    "columns of two levels": pd.DataFrame(
        [[1, 2], [3, 4], [5, 6]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    ),
    "labels that are dates": labelled(pd.date_range("2026", periods=3)),
    "labels with a name": labelled(pd.Index(["a", "b", "c"], name="n")),
    "labels that are decimals": labelled([0.5, 1.5, 2.5]),
    "labels that count in steps": labelled(pd.RangeIndex(0, 6, 2)),
    "nullable": pd.DataFrame({"count": pd.array([1, None, 3], dtype="Int64")}),
    "small": pd.DataFrame({"count": np.array([1, 2, 3], dtype="uint8")}),
    "half": pd.DataFrame({"count": np.array([1, 2, 3], dtype="float16")}),
    "with NaN": pd.DataFrame({"count": [1.5, None, 3]}),
    "decimals": pd.DataFrame({"count": [Decimal("1.5"), Decimal(2), None]}),
    "category": with_column(["a", "b", "a"], "category"),
    "category of numbers": with_column([3, 1, 3], "category"),
    "category of moments": with_column(pd.to_datetime(["2026", "2027", "2026"]), "category"),
    "category of intervals": with_column(pd.cut([1, 2, 3], 2)),
    "intervals": with_column(pd.interval_range(0.0, 3.0)),
    "intervals of whole numbers": with_column(pd.interval_range(0, 3)),
    "intervals of moments": with_column(pd.interval_range(pd.Timestamp("2026"), periods=3)),
    "truth values": with_column([True, None, False]),
    "spans": with_column(pd.to_timedelta([1, 2, 3], unit="h")),
    "spans of Python": with_column([timedelta(1), None, timedelta(2)], object),
    "periods": with_column(pd.period_range("2026", periods=3, freq="M")),
    "moments of a zone": with_column(pd.date_range("2026", periods=3, tz="Europe/Berlin")),
    "moments as objects": with_column([pd.Timestamp("2026"), None, pd.Timestamp("2027")], object),
    "no moments": with_column(pd.to_datetime([None] * 3)),
    "dates": with_column([date(2026, 1, 1), None, date(2026, 1, 3)]),
    "dates and texts": with_column([date(2026, 1, 1), "x", None]),
    "UUIDs": with_column([UUID(int=1), UUID(int=2), UUID(int=3)]),
    "bytes": with_column([b"a", b"b", b"c"]),
    "dicts": with_column([{"a": 1}, {"b": 2}, {}]),
    "lists": with_column([[1], [2, 3], []]),
    "sets": with_column([frozenset({1}), frozenset(), None]),
    "Enum": with_column([Colour.RED] * 3),
    "texts": with_column(["", "a", None]),
    "complex": with_column([1j, 2j, 3j]),
    "numpy's as objects": with_column([np.int64(1), None, np.int64(3)], object),
    "only NaN": with_column([np.nan] * 3),
    **{
        f"Arrow {kind}": with_column([value] * 3, pd.ArrowDtype(kind))
        for kind, value in (
            (pa.null(), None),
            (pa.binary(), b"a"),
            (pa.time64("us"), time(9)),
            (pa.struct([("a", pa.int64())]), {"a": 1}),
        )
    },
}
EDITS: dict[str, Any] = {
    "nothing": {},
    "a cell": {"edited_rows": {0: 7}},
    "a cell and a row less": {"edited_rows": {1: 7}, "deleted_rows": [0]},
    "a row more": {"added_rows": [7]},
}


@pytest.mark.parametrize("edits", EDITS)
@pytest.mark.parametrize("name", TABLES)
def test_it_is_edited_as_in_streamlit_s_own_editor_and_shown_with_its_edits(
    monkeypatch: pytest.MonkeyPatch, name: str, edits: str
) -> None:
    data = TABLES[name]
    base = Base(data)
    column, value = base.table.frame.columns[0], "7" if name == "decimals" else 7
    state: Any = {
        "edited_rows": {row: {column: value} for row in EDITS[edits].get("edited_rows", ())},
        "added_rows": [{column: value} for _ in EDITS[edits].get("added_rows", ())],
        "deleted_rows": EDITS[edits].get("deleted_rows", []),
    }
    wanted = returned(monkeypatch, data, state)
    kept = Draft.of(base, NOTHING, "t").overlay(NOTHING, state)
    ours = edited(base, kept)
    assert type(ours) is type(wanted)
    if isinstance(wanted, pd.DataFrame):
        pd.testing.assert_frame_equal(ours, wanted)
    elif isinstance(wanted, pd.Series):
        pd.testing.assert_series_equal(ours, wanted)
    else:
        assert repr(ours) == repr(wanted)
    returned(monkeypatch, Draft.of(base, kept, "u").table.frame, {part: type(of)() for part, of in state.items()})


def returned(monkeypatch: pytest.MonkeyPatch, data: Any, state: Any) -> Any:
    """What Streamlit's own editor returns of a table, once that is its state."""

    def own() -> None:
        import streamlit as st

        st.session_state["returned"] = st.data_editor(st.session_state["given"], num_rows="dynamic", key="own")

    monkeypatch.setattr(DataEditorSerde, "deserialize", lambda _self, _sent: DataEditorState(state))
    tab = AppTest.from_function(own)
    tab.session_state["given"] = data
    tab.run()
    assert not tab.exception, tab.exception[0].message
    return tab.session_state["returned"]
