"""Parts that the pages of this app share: refused changes, pages of a long list, and tables."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import streamlit as st

from core import ui
from core.errors import AccountError, StoreUnavailableError
from core.storage.database import reachable

PER_PAGE = 20
"""Rows of a long list."""
_NO_DOWNLOAD = "<style>button[kind=elementToolbar][aria-label^='Download as CSV'] {display: none}</style>"
"""The table's own guards a spreadsheet against no formulas, isn't noted in the trail, and holds just what is shown."""


@contextmanager
def show_refusal() -> Iterator[None]:
    """Show on the page why a change within the block was not made, where that is known."""
    try:
        with reachable():
            yield
    except AccountError as error:
        st.error(ui.plain(error.said(ui.words())))
    except StoreUnavailableError:
        st.error(ui.words()("admin_pages.not_changed"), icon=":material/cloud_off:")


def offset(key: str, total: int) -> int:
    """Return how many rows come before the chosen page, whose number is under `key` of `st.session_state`, from 1."""
    chosen: int = st.session_state.get(key, 1)
    return (min(chosen, _pages(total)) - 1) * PER_PAGE


def pagination(key: str, total: int) -> None:
    """Show the way to the other pages, if there are any."""
    if _pages(total) > 1:
        st.pagination(_pages(total), key=key)


def to_first_page(key: str) -> None:
    """Go back to the first page: the filters make another list now."""
    st.session_state.pop(key, None)


def show_table(frame: pd.DataFrame, *, alt: str, **options: Any) -> None:
    """Show what people and other programs wrote as a table, without its own way to download it."""
    st.html(_NO_DOWNLOAD)
    st.dataframe(frame, alt=alt, hide_index=True, **options)


def _pages(total: int) -> int:
    return max(math.ceil(total / PER_PAGE), 1)
