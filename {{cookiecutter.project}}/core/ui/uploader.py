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
from typing import Any, TypeVar

import streamlit as st
from streamlit import config

from core.errors import FilesUnavailableError
from core.files import HEAD_BYTES, FileRef, agrees, safe_name, type_of
from core.language import plain
from core.services import get_services
from core.session_manager import MISSING, get_session_manager
from core.state.equality import same
from core.state.paths import field_path
from core.streamlit_compat.messages import WidgetState, upload_ids
from core.streamlit_compat.run import form_around
from core.streamlit_compat.server import forget_upload, takes
from core.ui import unclaimed_uploads
from core.ui.form_context import form_of, say_beneath
from core.ui.kept_file import MEGABYTE, KeptFile, format_size, list_files
from core.ui.keys import widget_key
from core.ui.like import like
from core.ui.restore_value import say_problem
from core.ui.times import words
from core.ui.widget_specs import InvalidValueError
from core.web.fields import ShownField
from core.web.upload_notes import noted

F = TypeVar("F", FileRef, KeptFile)

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
    """One widget in one run. It accepts files of at most `_limit` bytes, and of `_types`; of all types for None."""

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
        self._limit = int(megabytes) * MEGABYTE
        self._types: str | Sequence[str] | None = kind or self._arguments.get("type")
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
        kept = self._kept()
        value = self._manager.field_value(self._form, self._field)
        is_file = kept or value is MISSING or value is None or same(value, [])
        problem = None if is_file else InvalidValueError("field_value.no_file")
        say_problem(self._manager, self._form, self._field, problem)
        unclaimed_uploads.clear(self._manager.session, kept)
        if not in_form and not self._arguments.get("disabled"):
            unclaimed_uploads.offer(self._base, self._fits, self._add)
        self._listen(kept)
        files = self._publish(kept)
        fixed = in_form or bool(self._arguments.get("disabled"))  # where Streamlit allows no buttons
        list_files(files, self._base, preview=self._preview, remove=None if fixed else self._remove)
        say_beneath(self._form, self._field)
        return self._value(files)

    def _publish(self, kept: Sequence[FileRef]) -> list[KeptFile]:
        """Put what the widget returns under its own key into `st.session_state`, as Streamlit does."""
        files = [KeptFile(ref) for ref in kept]
        self._manager.live.note_own(self._base)
        st.session_state[self._base] = self._value(files)
        return files

    def _value(self, files: Sequence[F]) -> list[F] | F | None:
        return list(files) if self._many else files[-1] if files else None

    def _kept(self) -> list[FileRef]:
        value = self._manager.field_value(self._form, self._field)
        refs = [ref for ref in (value if isinstance(value, list) else [value]) if isinstance(ref, FileRef)]
        return refs if self._many else refs[:1]

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
        self._said = []
        known = {ref.upload for ref in self._kept()}
        new = [ref for file in arrived if file.file_id not in known and (ref := self._accept(file)) is not None]
        if new and self._add(*new):
            known |= {ref.upload for ref in new}
        for file in arrived:
            if file.file_id in known:
                forget_upload(file.file_id)

    def _accept(self, file: Any) -> FileRef | None:
        """Return the reference to one of Streamlit's uploaded files, whose bytes are kept then, if not on arrival.

        Returns None for one that is refused, with a sentence about it, and for one that came to a server that is gone
        and was not kept there.
        """
        note = noted(self._manager.session.session_id, [file.file_id]).get(file.file_id)
        name = safe_name(str(getattr(file, "name", note.name if note else "")))
        size = note.size if note else getattr(file, "size", None)
        if size is None:
            return None
        if size == 0:
            self._refuse("files.empty", name=name)
            return None
        if size > self._limit:
            self._refuse("files.too_large", name=name, size=format_size(size), limit=format_size(self._limit))
            return None
        if note and self._fits(note):
            return note
        head = file.read(HEAD_BYTES) if hasattr(file, "read") else b""
        if head:
            file.seek(0)
        kind = type_of(name, head)
        unwanted = self._types and not takes(name, kind, self._types)
        if unwanted or not agrees(name, str(getattr(file, "type", "")), head):
            self._refuse("files.mismatch", name=name)
            return None
        try:
            digest, size = get_services().files.keep(file)
        except FilesUnavailableError as error:
            self._refuse("files.away", name=name, reason=str(error))
            return None
        return FileRef(digest=digest, name=name, type=kind, size=size, upload=file.file_id)

    def _refuse(self, entry: str, **values: str) -> None:
        self._said.append(words()(entry, **values))

    def _fits(self, ref: FileRef) -> bool:
        """Return whether the uploader accepts a file of this size and type."""
        return ref.size <= self._limit and (not self._types or takes(ref.name, ref.type, self._types))

    def _add(self, *new: FileRef) -> bool:
        return self._manager.persist_field(self._form, self._field, self._value([*self._kept(), *new]))

    def _listen(self, kept: Sequence[FileRef]) -> None:
        """Let the field have what arrived when the browser's message does, before any run."""
        session_id = self._manager.session.session_id

        def read(state: WidgetState) -> Any:
            kept = self._kept()  # now: messages may come faster than runs
            known = {ref.upload for ref in kept}
            new = noted(session_id, [each for each in upload_ids(state) if each not in known])
            return self._value([*kept, *filter(self._fits, new.values())])  # the rest is left to the run

        self._manager.live.show(
            self._key,
            form=self._form,
            field=self._field,
            read=read,
            refuse=lambda _value: (
                InvalidValueError("field_value.disabled") if self._arguments.get("disabled") else None
            ),
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
            self._manager.persist_field(self._form, self._field, self._value([*kept[:number], *kept[number + 1 :]]))
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
