"""Functions of Streamlit's data editor: they read a table, and say what its columns can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from streamlit import dataframe_util
    from streamlit.elements.lib.column_config_utils import _EDITING_COMPATIBILITY_MAPPING as EDITABLE_AS
    from streamlit.elements.lib.column_config_utils import INDEX_IDENTIFIER, ColumnDataKind, determine_dataframe_schema
    from streamlit.elements.widgets.data_editor import _fix_column_headers as fix_column_headers
    from streamlit.elements.widgets.data_editor import _parse_value as parse_value
    from streamlit.elements.widgets.data_editor import _stringify_arrow_incompatible_columns as stringify_incompatible
except ImportError:  # then Feature.TABLES is without what it needs, and none of these is called
    if not TYPE_CHECKING:
        from unittest.mock import MagicMock

        dataframe_util = ColumnDataKind = determine_dataframe_schema = MagicMock()
        fix_column_headers = parse_value = stringify_incompatible = MagicMock()
        EDITABLE_AS, INDEX_IDENTIFIER = {}, "_index"

__all__ = [
    "EDITABLE_AS",
    "INDEX_IDENTIFIER",
    "ColumnDataKind",
    "dataframe_util",
    "determine_dataframe_schema",
    "fix_column_headers",
    "parse_value",
    "stringify_incompatible",
]
