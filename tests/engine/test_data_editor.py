"""What is edited in a table comes back, and is never applied to another row or over another value."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pandas as pd
import pytest
from streamlit.elements.widgets.data_editor import DataEditorSerde, DataEditorState
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from core import ui
from core.streamlit_compat.messages import ClientMessage
from core.ui.format_value import format_value
from core.ui.table_edits import NOTHING, Base, Draft, TableEdits, edited, fit, without_unfit
from core.words import Words

STOCK = {"name": ["apple", "pear", "plum"], "count": [1, 2, 3]}
LABELLED = pd.DataFrame({"price": [1.5, 2.5, 3.5], "left": [1, 2, 3]}, index=["apple", "pear", "plum"])


def state(edited_rows: Any = None, added: Any = None, deleted: Any = None) -> dict[str, Any]:
    return {"edited_rows": edited_rows or {}, "added_rows": added or [], "deleted_rows": deleted or []}


def after(data: Any, kept: TableEdits, *states: dict[str, Any]) -> TableEdits:
    """The edits after those of one editor after the other."""
    base = Base(data)
    for number, each in enumerate(states):
        kept = Draft.of(base, kept, f"t{number}").overlay(kept, each)
    return kept


def shown(data: Any, kept: TableEdits) -> Any:
    return edited(Base(data), kept)


def unfit(data: Any, kept: TableEdits) -> list[tuple[str, str | None, Any]]:
    return [(each.row, each.column, each.value) for each in fit(kept, Base(data)).unfit]


EDITS = [
    state({0: {"count": 10}}),
    state({0: {"count": 10}, 2: {"name": "fig"}}, deleted=[1]),
    state(added=[{"name": "fig", "count": 4}, {"name": "nut"}]),
    state({1: {"count": None}}, added=[{"name": "fig", "count": 4}], deleted=[0, 2]),
]


@pytest.mark.parametrize("number", range(len(EDITS)))
@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame(STOCK),
        pd.DataFrame(STOCK, index=[7, 5, 9]),
        [{"name": name, "count": count} for name, count in zip(*STOCK.values(), strict=True)],
        STOCK,
    ],
    ids=["frame", "labels", "records", "columns"],
)
def test_the_result_is_what_streamlit_s_own_editor_returns(
    monkeypatch: pytest.MonkeyPatch, data: Any, number: int
) -> None:
    edits = EDITS[number]

    def own() -> None:
        import streamlit as st

        given = st.session_state["given"]
        st.session_state["returned"] = st.data_editor(given, num_rows="dynamic", key="own")

    tab = AppTest.from_function(own)
    tab.session_state["given"] = data
    monkeypatch.setattr(DataEditorSerde, "deserialize", lambda _self, _sent: DataEditorState(edits))
    wanted = returned(tab.run())
    ours = shown(data, after(data, NOTHING, edits))
    assert type(ours) is type(wanted)
    assert repr(wanted) != repr(data), "the edits were applied"
    if isinstance(wanted, pd.DataFrame):
        pd.testing.assert_frame_equal(ours, wanted)
    else:
        assert repr(ours) == repr(wanted)


def test_edits_of_a_new_editor_are_added_to_those_it_begins_with() -> None:
    kept = after(
        STOCK,
        NOTHING,
        state({0: {"count": 10}}, added=[{"name": "fig"}], deleted=[1]),
        # Now it shows apple, plum, fig.
        state({1: {"count": 30}, 2: {"count": 4}}, added=[{"name": "nut"}], deleted=[0]),
    )
    assert shown(pd.DataFrame(STOCK), kept)["name"].tolist() == ["plum", "fig", "nut"]
    assert shown(pd.DataFrame(STOCK), kept)["count"].tolist()[:2] == [30, 4]


def test_adding_an_editor_s_edits_twice_is_the_same_as_once() -> None:
    base, edits = Base(STOCK), state({0: {"count": 10}}, added=[{"name": "fig"}], deleted=[1])
    draft = Draft.of(base, NOTHING, "t")
    once = draft.overlay(NOTHING, edits)
    assert draft.overlay(once, edits) == once
    assert draft.overlay(once, state({0: {"count": 10}}, deleted=[1]))["added"] == {}, "an added row was deleted again"


class TestTheTableChangesUnderneath:
    def test_rows_with_labels_are_found_wherever_they_are(self) -> None:
        kept = after(LABELLED, NOTHING, state({1: {"left": 20}}, deleted=[0]))
        moved = LABELLED.iloc[[2, 1, 0]]
        assert shown(moved, kept)["left"].to_dict() == {"plum": 3, "pear": 20}
        more = pd.concat([pd.DataFrame({"price": [9.5], "left": [9]}, index=["fig"]), LABELLED])
        assert shown(more, kept)["left"].to_dict() == {"fig": 9, "pear": 20, "plum": 3}
        assert unfit(more, kept) == []

    def test_rows_without_labels_are_found_by_what_they_held(self) -> None:
        kept = after(STOCK, NOTHING, state({1: {"count": 20}}, deleted=[2]))
        more = {"name": ["fig", *STOCK["name"]], "count": [9, *STOCK["count"]]}
        assert shown(pd.DataFrame(more), kept)["count"].tolist() == [9, 1, 20]
        assert unfit(more, kept) == []

    def test_another_column_of_the_row_may_change(self) -> None:
        kept = after(LABELLED, NOTHING, state({1: {"left": 20}}))
        assert shown(LABELLED.assign(price=[1.0, 2.0, 3.0]), kept)["left"].to_dict()["pear"] == 20

    @pytest.mark.parametrize(
        ("data", "told"),
        [
            (LABELLED.drop(index="pear"), [("pear", "left", 20)]),
            (LABELLED.assign(left=[1, 7, 3]), [("pear", "left", 20)]),
            (LABELLED[["price"]], [("pear", "left", 20)]),
        ],
        ids=["its row is gone", "its cell is another", "its column is gone"],
    )
    def test_what_does_not_apply_is_told_and_comes_back_with_its_table(self, data: Any, told: Any) -> None:
        kept = after(LABELLED, NOTHING, state({1: {"left": 20}, 2: {"price": 9.0}}))
        assert unfit(data, kept) == told
        pd.testing.assert_series_equal(shown(data, kept)["price"], data["price"].where(data.index != "plum", 9.0))
        assert shown(LABELLED, kept)["left"].to_dict()["pear"] == 20
        assert shown(LABELLED, without_unfit(kept, Base(data)))["left"].to_dict()["pear"] == 2

    def test_a_row_that_became_another_is_not_deleted(self) -> None:
        kept = after(LABELLED, NOTHING, state(deleted=[1]))
        changed = LABELLED.assign(left=[1, 7, 3])
        assert shown(changed, kept).index.tolist() == ["apple", "pear", "plum"]
        assert unfit(changed, kept) == [("pear", None, None)]

    def test_what_the_table_holds_by_now_is_no_edit_any_more(self) -> None:
        kept = after(LABELLED, NOTHING, state({1: {"left": 20}}, deleted=[0]))
        written = shown(LABELLED, kept)
        assert unfit(written, kept) == []
        pd.testing.assert_frame_equal(shown(written, kept), written)
        kept = after(STOCK, NOTHING, state({1: {"count": 20}}))
        written = shown(pd.DataFrame(STOCK), kept)
        assert unfit(written, kept) == []
        pd.testing.assert_frame_equal(shown(written, kept), written)

    def test_an_edit_in_the_changed_table_leaves_the_others(self) -> None:
        kept = after(LABELLED, NOTHING, state({1: {"left": 20}}))
        changed = LABELLED.assign(left=[1, 7, 3])
        again = after(changed, kept, state({0: {"left": 10}}))
        assert shown(changed, again)["left"].tolist() == [10, 7, 3]
        assert shown(LABELLED, again)["left"].tolist() == [10, 20, 3]


@pytest.mark.parametrize("nothing", [[], {}, pd.DataFrame(), None], ids=str)
def test_a_table_of_nothing_at_all_has_no_ids_to_be_named_by(nothing: Any) -> None:
    rows = [{"id": 7, "name": "apple"}]
    base = Base(rows, "id")
    kept = Draft.of(base, NOTHING, "t").overlay(NOTHING, state({0: {"name": "fig"}}, added=[{"id": 8}]))
    assert [each.key for each in fit(kept, Base(nothing, "id")).unfit] == ["=7", "t-0"]
    Draft.of(Base(nothing, "id"), kept, "t")
    assert edited(base, kept) == [{"id": 7, "name": "fig"}, {"id": 8, "name": None}]
    assert ui.table_changes(lambda: nothing, row_id="id")(NOTHING) == ui.TableChanges()
    with pytest.raises(LookupError, match="no column 'id'"):
        Base(pd.DataFrame({"name": ["apple"]}), "id")


def test_the_column_of_ids_may_be_a_number() -> None:
    rows = pd.DataFrame([[7, "apple"], [8, "pear"]])
    base = Base(rows, 0)
    kept = Draft.of(base, NOTHING, "t").overlay(NOTHING, state({1: {"1": "fig"}}, deleted=[0]))
    assert kept["rows"].keys() == {"=7", "=8"}
    assert edited(Base(rows.iloc[::-1], 0), kept)["1"].tolist() == ["fig"]
    with pytest.raises(LookupError, match="no column 5"):
        Base(rows, 5)


def test_labels_that_are_categories_become_plain_ones_with_one_that_is_none_as_in_streamlit() -> None:
    data = LABELLED.set_index(pd.CategoricalIndex(LABELLED.index))
    edits = state({0: {"_index": "fig"}}, added=[{"_index": "nut"}, {"_index": "pear", "price": 9.0}])
    kept = after(data, NOTHING, edits)
    assert shown(data, kept).index.tolist() == ["fig", "pear", "plum", "nut"]
    assert [value for _, _, value in unfit(data, kept)] == [{"_index": "pear", "price": 9.0}]
    kept = after(data, NOTHING, state({0: {"left": 9}}))
    assert isinstance(shown(data, kept).index, pd.CategoricalIndex)


def page(num_rows: str = "dynamic") -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    data = st.session_state.get("data", {"name": ["apple", "pear"], "count": [1, 2]})
    config = {"count": st.column_config.NumberColumn(max_value=100), "name": st.column_config.TextColumn(max_chars=9)}
    num_rows = st.session_state.get("num_rows", num_rows)
    st.session_state["returned"] = ui.data_editor(
        data, form="f", field="stock", num_rows=num_rows, column_config=config, key="stock"
    )
    st.session_state["manager"] = get_session_manager()


pytestmark = pytest.mark.usefixtures("as_one_person")


def open_tab(num_rows: str = "dynamic") -> AppTest:
    return AppTest.from_function(page, kwargs={"num_rows": num_rows}).run()


def send(tab: AppTest, sent: Any) -> bool:
    """Send what an editor holds, as a browser does. False where it was refused."""
    live = tab.session_state["manager"].live
    key = tab.session_state["manager"].known_fields["stock"].value.key
    message = WidgetState(id=f"$$ID-0123-{key}", string_value=sent if isinstance(sent, str) else json.dumps(sent))
    arrived = live.read(ClientMessage(states=[message]))
    if arrived.edits:
        live.keep(arrived.edits)
    return not arrived.rejected


def returned(tab: AppTest) -> Any:
    assert not tab.exception, tab.exception[0].message
    return tab.session_state["returned"]


def test_edits_come_back_in_a_new_tab_and_in_one_that_is_open() -> None:
    tab, other = open_tab(), open_tab()
    assert send(tab, {"edited_rows": {"1": {"count": 20}}, "added_rows": [{"name": "fig"}], "deleted_rows": [0]})
    assert returned(tab.run()) == {"name": ["pear", "fig"], "count": [20, None]}
    assert returned(other.run()) == returned(tab)
    assert returned(open_tab()) == returned(tab)


def test_two_tabs_edit_different_cells_and_both_stay() -> None:
    tab, other = open_tab(), open_tab()
    send(tab, {"edited_rows": {"0": {"count": 10}}})
    other.run()
    send(other, {"edited_rows": {"1": {"count": 20}}})
    assert returned(tab.run()) == returned(other.run()) == {"name": ["apple", "pear"], "count": [10, 20]}


def test_what_a_changed_table_does_not_allow_is_told_and_let_go_on_request() -> None:
    tab = open_tab()
    send(tab, {"edited_rows": {"1": {"count": 20}}})
    tab.session_state["data"] = {"name": ["apple", "plum"], "count": [1, 2]}
    assert returned(tab.run()) == {"name": ["apple", "plum"], "count": [1, 2]}
    assert "Row 2, count: 20" in tab.warning[0].value.replace("\\", "")
    tab.button[0].click().run()
    assert not tab.warning
    tab.session_state["data"] = {"name": ["apple", "pear"], "count": [1, 2]}
    assert returned(tab.run())["count"] == [1, 2]


def test_a_form_that_is_cleared_shows_the_table_as_it_is() -> None:
    tab = open_tab()
    send(tab, {"edited_rows": {"1": {"count": 20}}})
    tab.run()
    tab.session_state["manager"].session.reset_form("f")
    assert returned(tab.run())["count"] == [1, 2]


def element_of(tab: AppTest) -> str:
    """The id of the editor's element on the page."""
    return str(tab.dataframe[0].proto.id)


def hold(tab: AppTest, sent: Any) -> AppTest:
    """Enter something, of which the editor then goes on telling the script, as one in a browser does."""
    element = element_of(tab)
    send(tab, sent)
    return tab._run(WidgetStates(widgets=[WidgetState(id=element, string_value=json.dumps(sent))]))


@pytest.mark.parametrize(
    ("sent", "data", "num_rows"),
    [
        ({"edited_rows": {"1": {"count": 20}}}, {"name": ["apple", "pear"]}, "dynamic"),
        ({"added_rows": [{"name": "fig", "count": 3}]}, {"name": ["apple", "pear"]}, "dynamic"),
        ({"added_rows": [{"name": "fig", "count": 3}]}, None, "fixed"),
        ({"deleted_rows": [1]}, None, "fixed"),
        ({"edited_rows": {"0": {"name": "fig"}}, "deleted_rows": [1]}, None, "add"),
    ],
    ids=["the column of a cell", "the column of a new row", "adding", "deleting", "deleting only"],
)
def test_what_was_kept_is_not_said_to_be_lost_when_the_page_allows_it_no_more(
    sent: Any, data: Any, num_rows: str
) -> None:
    tab = hold(open_tab(), sent)
    before = tab.session_state["manager"].session.form("f").values
    if data is not None:
        tab.session_state["data"] = data
    tab.session_state["num_rows"] = num_rows
    for _ in range(2):
        tab.run()
        assert not tab.exception
        assert not [each.value for each in tab.warning if "not kept" in each.value]
    assert tab.session_state["manager"].session.form("f").values == before


IDS = [UUID(int=7), UUID(int=8)]


@pytest.mark.parametrize("ids", [IDS, [1, "a"], [Decimal("1.5"), Decimal(2)], [(1, "a"), (2, "b")]], ids=str)
def test_changes_name_rows_by_ids_of_their_own_type(ids: list[Any]) -> None:
    rows = [{"key": ids[0], "name": "apple"}, {"key": ids[1], "name": "pear"}]
    kept = Draft.of(Base(rows, "key"), NOTHING, "t").overlay(NOTHING, state({0: {"name": "fig"}}, deleted=[1]))
    changes: Any = ui.table_changes(rows, row_id="key")(kept)
    assert (list(changes.changed), changes.deleted) == ([ids[0]], [ids[1]])


def test_ids_that_are_none_for_a_dict_are_texts() -> None:
    rows = [{"key": {"a": 1}, "name": "apple"}]
    kept = Draft.of(Base(rows, "key"), NOTHING, "t").overlay(NOTHING, state({0: {"name": "fig"}}))
    changes: Any = ui.table_changes(rows, row_id="key")(kept)
    assert list(changes.changed) == ["{'a': 1}"]


def test_sets_are_told_alike_in_whatever_order_a_process_has_them() -> None:
    one, other = {0, 8}, {8, 0}  # of one hash, so that the first comes first
    assert list(one) != list(other)
    wrap: list[Callable[[set[int]], Any]] = [set, frozenset, lambda held: [held], lambda held: ({"of": held},)]
    told = [{Base(pd.DataFrame({"a": [around(held)]})).digest for held in (one, other, {8, 1})} for around in wrap]
    assert [len(digests) for digests in told] == [2] * len(wrap)


def test_a_model_gets_the_rows_that_somebody_filled_in() -> None:
    kept = after(STOCK, NOTHING, state({0: {"count": 10}}, added=[{"name": "fig"}, {}], deleted=[1, 2]))
    rows = ui.edited_rows(STOCK)
    assert rows(kept) == [{"name": "apple", "count": 10}, {"name": "fig", "count": None}]
    assert rows(rows(kept)) == rows(kept), "what has been stored as rows is rows"


def test_edits_are_told_a_line_for_each_row() -> None:
    kept = after(STOCK, NOTHING, state({0: {"count": 10}}, added=[{"name": "fig", "count": 4}, {}], deleted=[1]))
    assert format_value(kept, Words("en")) == "Row 1, count: 10\nRow 2: deleted\nNew row: name: fig, count: 4"
    assert format_value(NOTHING, Words("en")) == "–"


FORGED: list[Any] = [
    "",
    "no json",
    "[]",
    "null",
    '{"edited_rows": {"0": {"count": NaN}}}',
    {"edited_rows": {"2": {"count": 1}}},
    {"edited_rows": {"-1": {"count": 1}}},
    {"edited_rows": {"x": {"count": 1}}},
    {"edited_rows": {"0": {"price": 1}}},
    {"edited_rows": {"0": {"count": "many"}}},
    {"edited_rows": {"0": {"count": 101}}},
    {"edited_rows": {"0": {"count": 1.5}}},
    {"edited_rows": {"0": {"name": "ten letters"}}},
    {"edited_rows": {"0": 5}},
    {"edited_rows": 5},
    {"added_rows": [{"count": "many"}]},
    {"added_rows": [{"price": 1}]},
    {"added_rows": {"0": 1}},
    {"added_rows": [5]},
    {"deleted_rows": [2]},
    {"deleted_rows": [-1]},
    {"deleted_rows": ["0"]},
    {"deleted_rows": [True]},
]


@pytest.mark.parametrize("number", range(len(FORGED)))
def test_what_no_editor_sends_is_refused(number: int) -> None:
    tab = open_tab()
    before = returned(tab)
    assert not send(tab, FORGED[number])
    assert tab.session_state["manager"].session.form("f").values == {}
    assert returned(tab.run()) == before


@pytest.mark.parametrize("part", ["added_rows", "deleted_rows"])
def test_rows_come_and_go_only_where_the_editor_allows_it(part: str) -> None:
    tab = open_tab("fixed")
    assert not send(tab, {part: [{} if part == "added_rows" else 0]})
