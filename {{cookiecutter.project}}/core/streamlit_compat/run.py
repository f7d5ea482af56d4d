"""The run in progress: its context, and where on the page it writes."""

from __future__ import annotations

import inspect
import threading
import traceback
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING

import streamlit as st
from streamlit import runtime

from core.streamlit_compat.features import Feature, part_of

if TYPE_CHECKING:
    from streamlit.runtime.app_session import AppSession
    from streamlit.runtime.scriptrunner import ScriptRunContext


def run_context() -> ScriptRunContext | None:
    """Return what Streamlit knows of the run that this thread is in; None outside of runs, without a warning."""
    context = context_of(threading.current_thread())
    if context is not None:  # each widget asks often
        return context
    try:
        from streamlit.runtime.scriptrunner import get_script_run_ctx
    except ImportError:
        return None
    return get_script_run_ctx(suppress_warning=True)


def context_of(thread: threading.Thread | None) -> ScriptRunContext | None:
    """Return what Streamlit knows of the run that a thread is in, or was in last; None where there is none."""
    return getattr(thread, "streamlit_script_run_ctx", None)


def app_session(session_id: str) -> AppSession | None:
    """Return an open page by Streamlit's id of its session. For the event loop's own thread."""
    return runtime.get_instance().get_app_session(session_id) if runtime.exists() and session_id else None


@part_of(Feature.INGRESS, otherwise="")
def page_name() -> str:
    """Return the name that the browser's messages have for the page of this run."""
    context = run_context()
    return context.pages_manager.current_page_script_hash if context is not None else ""


@part_of(Feature.IN_PLACE, otherwise=None)
def fragment_run() -> object | None:
    """Return an object of this run's own if it is one of fragments only; None for a run of the whole script."""
    context = run_context()
    return (context.fragment_ids_this_run or None) if context is not None else None


@part_of(Feature.FRAGMENTS, otherwise=None)
def wait_for_parallel_fragments() -> None:
    """Wait until what `@st.fragment(parallel=True)` shows beside the script is shown, or this run is to end."""
    context = run_context()
    coordinator = context.parallel_coordinator if context is not None else None
    if context is None or coordinator is None:
        return
    # Not by `join`: after that the script could begin no other one.
    while coordinator._outstanding and not coordinator.should_stop():
        context.yield_check()
        with coordinator._join_condition:
            if coordinator._outstanding:
                coordinator._join_condition.wait(timeout=coordinator._poll_interval)


@part_of(Feature.IN_PLACE, otherwise=False)
def opens_dialog() -> bool:
    """Return True inside a dialog that this run has opened, as if it had not been there before."""
    context = run_context()
    if context is None or not context.has_dialog_opened:
        return False
    return "dialog" in st._main._active_dg._ancestor_block_types


@part_of(Feature.TYPING, otherwise=True)
def takes_one_element() -> bool:
    """Return True if the script writes into an `st.empty()`, where each element replaces the one before."""
    from streamlit.cursor import LockedCursor

    dg = st._main._active_dg
    return isinstance(dg._cursor, LockedCursor)


@part_of(Feature.TYPING, otherwise=True)
def in_fragment() -> bool:
    """Return True inside a fragment or a dialog, whose runs bring nothing of the rest of the page."""
    from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

    return ThreadState.get().fragment_id is not None


@part_of(Feature.FORMS, otherwise="unknown")
def form_around() -> str:
    """Return the key of the `st.form` the script is inside, where widgets can't have callbacks; empty for none."""
    from streamlit.elements.lib.form_utils import current_form_id

    return current_form_id(st._main)


def was_stopped_by_page(stopped: BaseException) -> bool:
    """Return True if an exception ends a run because the page called `st.stop()`, not because another run began."""
    stop = inspect.unwrap(st.stop).__code__
    return any(frame.f_code is stop for frame, _ in traceback.walk_tb(stopped.__traceback__))


@part_of(Feature.STOPPED, otherwise=None)
def do_though_stopped(action: Callable[[], None]) -> None:
    """Do something more for a stopped run: Streamlit takes nothing from its thread, and from another one it does."""
    from streamlit.runtime.scriptrunner import add_script_run_ctx

    thread = threading.Thread(target=copy_context().run, args=(action,))
    add_script_run_ctx(thread, run_context())
    thread.start()
    thread.join()
