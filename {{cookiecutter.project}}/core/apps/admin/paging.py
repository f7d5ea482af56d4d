"""A long list, one page of rows at a time. `key` is where `st.session_state` holds the number of the page, from 1."""

import math

import streamlit as st

PER_PAGE = 20
"""Rows."""


def offset(key: str, total: int) -> int:
    """How many rows come before the chosen page; before the last one, where there are no longer so many."""
    chosen: int = st.session_state.get(key, 1)
    return (min(chosen, _count(total)) - 1) * PER_PAGE


def turn(key: str, total: int) -> None:
    """The way to the other pages, if there are any."""
    if _count(total) > 1:
        st.pagination(_count(total), key=key)


def from_the_start(key: str) -> None:
    """Go back to the first page: what is asked for is another list now."""
    st.session_state.pop(key, None)


def _count(total: int) -> int:
    return max(math.ceil(total / PER_PAGE), 1)
