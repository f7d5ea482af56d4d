"""The list of a field's files below its widget: each with its name and size, to download and to remove."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.errors import KeepError
from core.files import FileRef
from core.language import plain
from core.ui.kept_file import KeptFile, written
from core.ui.keys import own_key
from core.ui.times import words

_RENAMED_KEY = "_keep_renamed_files"
"""In `st.session_state`: the names that files of this tab came with, where they were kept under others."""


def list_files(
    files: Sequence[KeptFile],
    key: str,
    *,
    preview: Callable[[Any], object] | None,
    remove: Callable[[int, FileRef], None] | None,
) -> None:
    """Show files below the widget of this key. `preview` shows the bytes of one; without `remove` there are no buttons.

    `remove` gets the number of a file in the field, from 0, and the file.
    """
    say = words()
    for number, file in enumerate(files):
        ref, name = file.ref, (key, file.ref.upload or file.ref.digest[:16])
        original = st.session_state.get(_RENAMED_KEY, {}).get(ref.upload)
        if original is not None:
            st.info(say("files.renamed", name=plain(original), kept=plain(ref.name)), icon=":material/info:")
        if preview is not None:
            _show(file, preview)
        if remove is None:
            st.caption(say("files.kept", name=plain(ref.name), size=written(ref.size)))
            continue
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=own_key("file", *name)):
            download_file(ref, key=own_key("download", *name))
            st.button(
                say("files.remove"),
                key=own_key("remove", *name),
                help=say("files.remove_help", name=plain(ref.name)),
                type="tertiary",
                icon=":material/close:",
                on_click=remove,
                args=(number, ref),
            )


def download_file(file: FileRef, *, key: str) -> None:
    """Show a button that gives a kept file to whoever presses it. Its bytes are read only then."""
    st.download_button(
        words()("files.download", name=plain(file.name), size=written(file.size)),
        KeptFile(file).getvalue,
        file_name=file.name,
        mime=file.type,
        key=key,
        icon=":material/download:",
        on_click="ignore",
    )


def note_rename(ref: FileRef, name: str) -> None:
    """Remember, for this tab, that a file came under another name than it is kept under."""
    st.session_state.setdefault(_RENAMED_KEY, {})[ref.upload] = name


def _show(file: KeptFile, preview: Callable[[Any], object]) -> None:
    try:
        preview(file.getvalue())
    except KeepError as error:
        st.warning(plain(str(error)), icon=":material/info:")
