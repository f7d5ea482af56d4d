"""A page without a browser: speaks Streamlit's protocol as a browser does, and can be gone from one moment to the next.

Like a browser it sends the states of all its widgets with every edit, and not only the one that was changed.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any, Self
from urllib.request import urlopen

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.TextInput_pb2 import TextInput
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import user_key_from_element_id
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.lab.waiting import PATIENCE_SECONDS


class Page:
    """One open page with text fields.

    `page` is its address below the app's, `resume` the id of an earlier one of this browser, to go on where it was.
    """

    def __init__(self, port: int, cookie: str | None = None, page: str = "", *, resume: str = "") -> None:
        self._page = page
        self._origin = f"http://127.0.0.1:{port}"
        self.cookie = cookie or self.new_cookie(port)
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(
            connect(
                f"ws://127.0.0.1:{port}/_stcore/stream",
                additional_headers={"Cookie": self.cookie, "Origin": self._origin},
                subprotocols=["streamlit", *(["none", resume] if resume else [])],  # type: ignore[list-item]
                max_size=None,
            )
        )
        self.session_id = ""
        """Streamlit's own, of this page."""
        self._states: dict[str, WidgetState] = {}
        self._told = threading.Condition()
        self._begun = 0
        self._runs = 0
        self._over = False
        self._components: dict[str, Any] = {}
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        self._send()
        self.wait_for_runs(1)

    @property
    def fields(self) -> dict[str, str]:
        """What the text fields hold, by key."""
        with self._told:
            return {str(user_key_from_element_id(name)): state.string_value for name, state in self._states.items()}

    @property
    def components(self) -> set[str]:
        """The names of the components that were shown."""
        with self._told:
            return set(self._components)

    @property
    def runs(self) -> int:
        """How many runs have ended since the page was opened."""
        with self._told:
            return self._runs

    def commit(self, key: str, text: str) -> None:
        """Enter a text and leave the field. Raises LookupError where the page has no such field."""
        with self._told:
            names = [name for name in self._states if user_key_from_element_id(name) == key]
            if not names:
                raise LookupError(f"There is no {key!r} on the page, only {', '.join(self._states)}")
            self._states[names[0]].string_value = text
        self._send()

    def begin_run(self) -> None:
        """Ask for a run, and return once it has begun. Raises TimeoutError."""
        with self._told:
            begun = self._begun
        self._send()
        with self._told:
            if not self._told.wait_for(lambda: self._begun > begun, PATIENCE_SECONDS):
                raise TimeoutError(f"No run began within {PATIENCE_SECONDS:g} s.")

    def wait_for_runs(self, number: int) -> None:
        """Wait until so many runs have ended since the page was opened. Raises TimeoutError.

        Where one run follows another at once, Streamlit may tell the end of the first before which session it is.
        """
        with self._told:
            if not self._told.wait_for(lambda: self._runs >= number and bool(self.session_id), PATIENCE_SECONDS):
                raise TimeoutError(f"No run ended within {PATIENCE_SECONDS:g} s.")

    def wait_for_component(self, name: str) -> Any:
        """Wait until a component of that name is on the page, and return its data. Raises TimeoutError."""
        with self._told:
            if not self._told.wait_for(lambda: name in self._components, PATIENCE_SECONDS):
                raise TimeoutError(f"No {name!r} came within {PATIENCE_SECONDS:g} s.")
            return self._components[name]

    def wait_for_component_or_cut(self, name: str) -> Any:
        """The same for a page the server may cut off: then its run didn't get that far, and None is returned."""
        with self._told:
            if not self._told.wait_for(lambda: name in self._components or self._over, PATIENCE_SECONDS):
                raise TimeoutError(f"Neither {name!r} came nor an end within {PATIENCE_SECONDS:g} s.")
            return self._components.get(name)

    def wait_for_end(self) -> int:
        """Wait until the server closes the connection, and return its code. Raises TimeoutError."""
        self._reading.join(PATIENCE_SECONDS)
        if self._reading.is_alive():
            raise TimeoutError(f"The connection stayed open for {PATIENCE_SECONDS:g} s.")
        return self._socket.close_code or 0

    def send_raw(self, frame: bytes | str) -> int:
        """Send anything, and return the code with which the server then closes the connection."""
        with contextlib.suppress(ConnectionClosed):  # it may be closed before all was sent
            self._socket.send(frame)
        self._reading.join(PATIENCE_SECONDS)
        return self._socket.close_code or 0

    def close(self) -> None:
        """Be gone, as after F5."""
        self._open.close()
        self._reading.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @staticmethod
    def new_cookie(port: int) -> str:
        """Ask for a page as a new browser does, and return the cookie it is given."""
        with urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_SECONDS) as answer:  # nosec B310 # our own server
            return str(answer.headers["Set-Cookie"]).partition(";")[0]

    def send(self, message: BackMsg) -> None:
        """Send a message of which a browser may think of anything."""
        self._socket.send(message.SerializeToString())

    def _send(self) -> None:
        message = BackMsg()
        with self._told:
            message.rerun_script.widget_states.widgets.extend(self._states.values())
        message.rerun_script.query_string = ""
        message.rerun_script.page_name = self._page
        self.send(message)

    def _read(self) -> None:
        try:
            for frame in self._socket:
                if isinstance(frame, bytes):
                    self._hear(frame)
        except ConnectionClosed:
            pass
        with self._told:
            self._over = True
            self._told.notify_all()

    def _hear(self, frame: bytes) -> None:
        message = ForwardMsg()
        message.ParseFromString(frame)
        with self._told:
            if message.WhichOneof("type") == "new_session":
                self._begun += 1
                self.session_id = message.new_session.initialize.session_id or self.session_id
                self._told.notify_all()
            elif message.WhichOneof("type") == "script_finished":
                self._runs += 1
                self._told.notify_all()
            elif message.WhichOneof("type") == "delta" and message.delta.new_element.HasField("text_input"):
                self._show(message.delta.new_element.text_input)
            elif message.WhichOneof("type") == "delta" and message.delta.new_element.HasField("bidi_component"):
                component = message.delta.new_element.bidi_component
                self._components[component.component_name] = json.loads(component.json or "null")
                self._told.notify_all()

    def _show(self, widget: TextInput) -> None:
        if widget.set_value or widget.id not in self._states:
            text = widget.value if widget.set_value else widget.default
            self._states[widget.id] = WidgetState(id=widget.id, string_value=text)
