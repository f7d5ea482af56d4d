"""Tables of what people and other programs wrote."""

from typing import Any

import pandas as pd
import streamlit as st

_NO_DOWNLOAD = "<style>button[kind=elementToolbar][aria-label^='Download as CSV'] {display: none}</style>"
"""The table's own guards a spreadsheet against no formulas, isn't noted in the trail, and holds just what is shown."""


def show_table(frame: pd.DataFrame, *, alt: str, **options: Any) -> None:
    """Show `st.dataframe`, without a way to take it along."""
    st.html(_NO_DOWNLOAD)
    st.dataframe(frame, alt=alt, hide_index=True, **options)
