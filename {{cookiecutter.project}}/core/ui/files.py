"""Uploads that stay: Streamlit's `file_uploader`, `camera_input` and `audio_input`, plus `form` and `field`.

    plans = ui.file_uploader("Plans", type="pdf", accept_multiple_files=True, form="request", field="plans")

Names, arguments and return values are Streamlit's: what comes back can be read like an UploadedFile, also after a
restart, when its bytes come from where files are kept. The field holds small references (`core.files.FileRef`), so
undo, history and other tabs treat a file like any answer. What is kept is shown below the widget, to download and to
remove. The bytes stay until nothing refers to them any more.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit import config

from core.errors import JournalError, StoreUnavailableError
from core.files import FileRef
from core.language import plain
from core.services import get_services
from core.session_manager import MISSING, get_session_manager
from core.state.equality import same
from core.state.paths import field_path, upload_path
from core.streamlit_compat.messages import WidgetState, upload_ids
from core.streamlit_compat.run import form_around
from core.streamlit_compat.server import forget_upload
from core.ui import upload_notes
from core.ui.block import form_of, say_beneath
from core.ui.file_list import list_files, note_rename
from core.ui.kept_file import MEGABYTE, KeptFile, files_in
from core.ui.keys import widget_key
from core.ui.kinds import MisfitError
from core.ui.like import like
from core.ui.taken_in import RefusedFileError, Wanted
from core.ui.times import words
from core.ui.widgets import say_refused, say_unreadable
from core.web.fields import ShownField

_PICTURE_PIXELS = 320


@like(st.file_uploader)
def file_uploader(*args: Any, form: str | None = None, field: str, **kwargs: Any) -> Any:
    """Show `st.file_uploader`. `form` and `field` say where its files are kept; the rest is as in Streamlit.

    In the block of `with ui.form(…)` the form is that one. In its model the field is a `core.files.FileRef`, or a list.
    """
    return _Uploader(st.file_uploader, form, field, args, kwargs).show()


@like(st.camera_input)
def camera_input(*args: Any, form: str | None = None, field: str, **kwargs: Any) -> KeptFile | None:
    """Show `st.camera_input`, and the picture that is kept. `form` and `field` say where."""
    found: KeptFile | None = _Uploader(
        st.camera_input, form, field, args, kwargs, preview=_picture, kind="image"
    ).show()
    return found


@like(st.audio_input)
def audio_input(*args: Any, form: str | None = None, field: str, **kwargs: Any) -> KeptFile | None:
    """Show `st.audio_input`, and the recording that is kept. `form` and `field` say where."""
    found: KeptFile | None = _Uploader(st.audio_input, form, field, args, kwargs, preview=st.audio, kind="audio").show()
    return found


class _Uploader:
    """One widget in one run."""

    def __init__(
        self,
        function: Callable[..., Any],
        form: str | None,
        field: str,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        preview: Callable[[Any], object] | None = None,
        kind: str | None = None,
    ) -> None:
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        self._function, self._bound, self._preview = function, bound, preview
        self._arguments = bound.arguments
        self._form, self._field = form_of(form, field), field
        self._manager = get_session_manager()
        self._many = bool(self._arguments.get("accept_multiple_files"))
        megabytes = self._arguments.get("max_upload_size") or config.get_option("server.maxUploadSize")
        self._wanted = Wanted(limit=int(megabytes) * MEGABYTE, types=kind or self._arguments.get("type"))
        self._on_change = self._arguments["on_change"]
        self._args, self._kwargs = self._arguments["args"] or (), self._arguments["kwargs"] or {}
        self._base = str(self._arguments["key"] or widget_key(self._form, field))
        self._key = self._base + _suffix(self._kept())
        self._said: list[str] = []

    def show(self) -> Any:
        self._arguments["key"] = self._key
        in_form = bool(form_around())
        if not in_form:
            self._arguments |= {"on_change": self._changed, "args": None, "kwargs": None}
        self._function(*self._bound.args, **self._bound.kwargs)
        self._take()
        self._announce()
        # What was refused beside a file that was taken has gone from the widget with it.
        for sentence in dict.fromkeys([*_messages().get(self._base, []), *self._said]):
            st.error(plain(sentence), icon=":material/error:")
        refused = self._manager.not_kept.get((self._form, self._field))
        if refused:
            say_refused(refused)
        else:
            say_unreadable(self._manager, self._form, self._field)
        kept = self._kept()
        value = self._manager.field_value(self._form, self._field)
        if not kept and value is not MISSING and not (value is None or same(value, [])):
            st.warning(words()("files.unfit"), icon=":material/info:")
        upload_notes.clear(self._manager.session, kept)
        if not in_form and not self._arguments.get("disabled"):
            upload_notes.offer(self._base, self._wanted.fits, self._add)
        self._listen(kept)
        files = self._publish(kept)
        fixed = in_form or bool(self._arguments.get("disabled"))  # where Streamlit allows no buttons
        list_files(files, self._base, preview=self._preview, remove=None if fixed else self._remove)
        say_beneath(self._form, self._field)
        return self._result(files)

    def _publish(self, kept: Sequence[FileRef]) -> list[KeptFile]:
        """Put what the widget returns under its own key into `st.session_state`, as Streamlit does."""
        files = [KeptFile(ref) for ref in kept]
        self._manager.live.note_own(self._base)
        st.session_state[self._base] = self._result(files)
        return files

    def _result(self, files: list[KeptFile]) -> Any:
        return files if self._many else files[0] if files else None

    def _kept(self) -> list[FileRef]:
        return files_in(self._manager.field_value(self._form, self._field), many=self._many)

    def _changed(self) -> None:
        """Keep what was handed in, and then do what the page asked for."""
        self._take()
        _messages()[self._base] = list(self._said)
        self._call_back()

    def _call_back(self) -> None:
        self._publish(self._kept())
        if callable(self._on_change):
            self._on_change(*self._args, **self._kwargs)

    def _take(self) -> None:
        """Keep what the browser shows in the widget and the field doesn't have. Doing it twice changes nothing."""
        shown: Any = st.session_state.get(self._key)
        arrived: list[Any] = [
            file for file in (shown if isinstance(shown, list) else [shown]) if hasattr(file, "file_id")
        ]
        kept = self._kept()
        self._said = []
        known = {ref.upload for ref in kept}
        new = [ref for file in arrived if file.file_id not in known and (ref := self._taken_in(file)) is not None]
        if new and self._manager.persist_field(self._form, self._field, self._with(kept, new)):
            known |= {ref.upload for ref in new}
        for file in arrived:
            if file.file_id in known:
                forget_upload(file.file_id)

    def _taken_in(self, file: Any) -> FileRef | None:
        """What to keep of one file; None, and a sentence about it, for one that is refused."""
        try:
            ref = self._wanted.take_in(file, self._manager.session.session_id)
        except RefusedFileError as refused:
            self._said.append(str(refused))
            return None
        name = getattr(file, "name", "")
        if ref is not None and name and ref.name != name:
            note_rename(ref, name)
        return ref

    def _add(self, ref: FileRef) -> bool:
        return self._manager.persist_field(self._form, self._field, self._with(self._kept(), [ref]))

    def _with(self, kept: Sequence[FileRef], new: Sequence[FileRef]) -> list[FileRef] | FileRef:
        return [*kept, *new] if self._many else new[-1]

    def _value(self, kept: Sequence[FileRef]) -> list[FileRef] | FileRef | None:
        return list(kept) if self._many else next(iter(kept), None)

    def _listen(self, kept: Sequence[FileRef]) -> None:
        """Let the field have what arrived when the browser's message does, before any run."""
        session_id = self._manager.session.session_id

        def read(state: WidgetState) -> Any:
            kept = self._kept()  # now: messages may come faster than runs
            known = {ref.upload for ref in kept}
            paths = [upload_path(upload) for upload in upload_ids(state) if upload not in known]
            try:
                with get_services().accounts.db_budget:  # a run of this tab waits for the answer
                    noted = get_services().engine.read_paths(session_id, paths).values if paths else {}
            except (StoreUnavailableError, JournalError):
                return self._value(kept)  # the run takes it from memory
            found = [noted.get(path) for path in paths]
            new = [ref for ref in found if isinstance(ref, FileRef) and self._wanted.fits(ref)]
            return self._with(kept, new) if new else self._value(kept)

        self._manager.live.show(
            self._key,
            form=self._form,
            field=self._field,
            read=read,
            refuse=lambda _value: MisfitError("misfit.disabled") if self._arguments.get("disabled") else None,
            value=self._value(kept),
            given=True,
        )

    def _announce(self) -> None:
        stamp = self._manager.session.stamps.get(field_path(self._form, self._field), "")
        label = str(self._arguments.get("label", self._field))
        self._manager.show_field(
            ShownField(key=self._key, form=self._form, field=self._field, label=label, rule=None, stamp=stamp)
        )

    def _remove(self, number: int, ref: FileRef) -> None:
        """Take one file out of the field. An ordinary edit, so that undo brings it back."""
        kept = self._kept()
        if number < len(kept) and kept[number] == ref:
            rest = [*kept[:number], *kept[number + 1 :]]
            self._manager.persist_field(self._form, self._field, rest if self._many else None)
            self._call_back()


_MESSAGES_KEY = "_keep_file_messages"
"""In `st.session_state`, by the widget's key without suffix: what is to say about the files handed in last."""


def _picture(content: bytes) -> None:
    st.image(content, width=_PICTURE_PIXELS)


def _messages() -> dict[str, list[str]]:
    messages: dict[str, list[str]] = st.session_state.setdefault(_MESSAGES_KEY, {})
    return messages


def _suffix(kept: Sequence[FileRef]) -> str:
    """A suffix that differs with what is kept: the widget is empty once its files are kept, also after a restart.

    It is never empty: under the key itself `st.session_state` has what is kept.
    """
    uploads = ",".join(ref.upload or ref.digest for ref in kept)
    return f".{hashlib.sha256(uploads.encode()).hexdigest()[:8]}"
