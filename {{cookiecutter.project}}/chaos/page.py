"""A page without a browser: speaks Streamlit's protocol as a browser does, and can be gone from one moment to the next.

Like a browser it sends the states of all its widgets with every edit, and not only the one that was changed.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Self
from urllib.request import urlopen

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.TextInput_pb2 import TextInput
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import user_key_from_element_id
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

_PATIENCE_SECONDS = 30.0


class Page:
    """One open page with text fields."""

    def __init__(self, port: int, cookie: str | None = None) -> None:
        self._origin = f"http://127.0.0.1:{port}"
        self.cookie = cookie or self._get_cookie()
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(
            connect(
                f"ws://127.0.0.1:{port}/_stcore/stream",
                additional_headers={"Cookie": self.cookie, "Origin": self._origin},
                subprotocols=["streamlit"],  # type: ignore[list-item]
                max_size=None,
            )
        )
        self._states: dict[str, WidgetState] = {}
        self._told = threading.Condition()
        self._runs = 0
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self._send()
        self.wait_for_runs(1)

    @property
    def fields(self) -> dict[str, str]:
        """What the text fields hold, by key."""
        with self._told:
            return {str(user_key_from_element_id(name)): state.string_value for name, state in self._states.items()}

    def commit(self, key: str, text: str) -> None:
        """Enter a text and leave the field. Raises LookupError where the page has no such field."""
        with self._told:
            names = [name for name in self._states if user_key_from_element_id(name) == key]
            if not names:
                raise LookupError(f"There is no {key!r} on the page, only {', '.join(self._states)}")
            self._states[names[0]].string_value = text
        self._send()

    def wait_for_runs(self, number: int) -> None:
        """Wait until so many runs have ended since the page was opened. Raises TimeoutError."""
        with self._told:
            if not self._told.wait_for(lambda: self._runs >= number, _PATIENCE_SECONDS):
                raise TimeoutError(f"No run ended within {_PATIENCE_SECONDS:g} s.")

    def send_raw(self, frame: bytes | str) -> int:
        """Send anything, and return the code with which the server then closes the connection."""
        with contextlib.suppress(ConnectionClosed):  # it may be closed before all was sent
            self._socket.send(frame)
        self._reading.join(_PATIENCE_SECONDS)
        return self._socket.close_code or 0

    def close(self) -> None:
        """Be gone, as after F5."""
        self._open.close()
        self._reading.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _get_cookie(self) -> str:
        with urlopen(f"{self._origin}/", timeout=_PATIENCE_SECONDS) as answer:
            return str(answer.headers["Set-Cookie"]).partition(";")[0]

    def _send(self) -> None:
        message = BackMsg()
        with self._told:
            message.rerun_script.widget_states.widgets.extend(self._states.values())
        message.rerun_script.query_string = ""
        self._socket.send(message.SerializeToString())

    def _read(self) -> None:
        try:
            for frame in self._socket:
                if isinstance(frame, bytes):
                    self._hear(frame)
        except ConnectionClosed:
            return

    def _hear(self, frame: bytes) -> None:
        message = ForwardMsg()
        message.ParseFromString(frame)
        with self._told:
            if message.WhichOneof("type") == "script_finished":
                self._runs += 1
                self._told.notify_all()
            elif message.WhichOneof("type") == "delta" and message.delta.new_element.HasField("text_input"):
                self._show(message.delta.new_element.text_input)

    def _show(self, widget: TextInput) -> None:
        if widget.set_value or widget.id not in self._states:
            text = widget.value if widget.set_value else widget.default
            self._states[widget.id] = WidgetState(id=widget.id, string_value=text)
