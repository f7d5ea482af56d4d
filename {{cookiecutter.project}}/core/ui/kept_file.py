"""Kept files as pages get and show them: read like uploads, listed below their widget, downloaded, removed."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.typing import UploadedFile

from core.errors import KeepError
from core.files import FileRef
from core.language import plain
from core.services import get_services
from core.ui.keys import own_key
from core.ui.times import words

MEGABYTE = 1024 * 1024


class KeptFile(UploadedFile):
    """A kept file, as Streamlit gives an uploaded one. Its bytes are read when they are first asked for.

    `ref` is what the field holds. Reading raises FilesUnavailableError as long as the bytes can't be had.
    """

    def __init__(self, ref: FileRef) -> None:
        io.BytesIO.__init__(self)
        self.ref = ref
        self.file_id, self.name, self.type, self.size = ref.upload or ref.digest, ref.name, ref.type, ref.size
        self._filled = False

    def _fill(self) -> None:
        if not self._filled:
            io.BytesIO.__init__(self, get_services().files.read(self.ref.digest))
            self._filled = True


def _reading(name: str) -> Callable[..., Any]:
    method = getattr(io.BytesIO, name)

    def read(self: KeptFile, *args: Any) -> Any:
        self._fill()
        return method(self, *args)

    return read


for _name in ("read", "read1", "readinto", "readline", "readlines", "seek", "getvalue", "getbuffer", "__next__"):
    setattr(KeptFile, _name, _reading(_name))


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
        if preview is not None:
            _show(file, preview)
        if remove is None:
            st.caption(say("files.kept", name=plain(ref.name), size=format_size(ref.size)))
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
        words()("files.download", name=plain(file.name), size=format_size(file.size)),
        KeptFile(file).getvalue,
        file_name=file.name,
        mime=file.type,
        key=key,
        icon=":material/download:",
        on_click="ignore",
    )


def format_size(size: int) -> str:
    """Return a size as a person reads it."""
    if size < 1000:
        return f"{size} B"
    if size < MEGABYTE:
        return f"{size / 1024:.0f} KB"
    return f"{size / MEGABYTE:.1f} MB"


def _show(file: KeptFile, preview: Callable[[Any], object]) -> None:
    try:
        preview(file.getvalue())
    except KeepError as error:
        st.warning(plain(str(error)), icon=":material/info:")
