"""An open page as a test drives it: one message, and what the run that follows has shown.

Where several things happen to a page at once, `tests.lab.page.Page` listens all the time.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from html import unescape
from typing import Self

from streamlit.proto.AutoRerun_pb2 import AutoRerun
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.proto.Common_pb2 import StringTriggerValue
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosedError
from websockets.frames import CloseCode
from websockets.sync.client import connect

_PATIENCE_SECONDS = 60.0


class OpenPage:
    """One open page. It fills in fields and presses buttons by their labels.

    `path` is its address below the app's. Raises InvalidStatus where no connection is given.
    """

    def __init__(
        self, port: int, cookie: str, path: str = "", *, protocols: tuple[str, ...] = (), origin: str | None = None
    ) -> None:
        here = f"127.0.0.1:{port}"
        self._open = ExitStack()
        self._socket = self._open.enter_context(
            connect(
                f"ws://{here}/_stcore/stream",
                additional_headers={"Cookie": cookie, "Origin": origin or f"http://{here}"},
                subprotocols=["streamlit", *protocols],  # type: ignore[list-item]
                max_size=None,
            )
        )
        self._page, _, self._query = path.removeprefix("/").partition("?")
        self._states: dict[str, WidgetState] = {}
        self.session_id = ""
        """Streamlit's own, of this page."""
        self.received = b""
        """All that came since the last message was sent."""
        self.shown = ""
        """What the last run has shown, as the elements and blocks it consists of."""
        self.components: dict[str, str] = {}
        """The components that the last run has shown: their data, by name."""
        self.labels: dict[str, str] = {}
        """The fields and buttons that the last run has shown: their ids, by label."""
        self.leads_to = ""
        """Where the last run led the browser, to sign in."""
        self.again = AutoRerun()
        """The part of the page that is due again, and when."""
        self.run()

    @property
    def field_tokens(self) -> list[str]:
        """What the last run gave to post the text of a field with, for each field it has shown."""
        return re.findall(r'"token": ?"([^"]+)"', unescape(self.received.decode(errors="replace")))

    def fill(self, label: str, text: str) -> None:
        self._states[self.labels[label]].string_value = text

    def press(self, label: str) -> Self:
        self.run(WidgetState(id=self.labels[label], trigger_value=True))
        return self

    def choose(self, entry: str) -> Self:
        """Choose from the menu that has such an entry, whatever else is in its text."""
        label = next(label for label in self.labels if label.endswith(f" {entry}"))
        self.run(WidgetState(id=self.labels[label], string_trigger_value=StringTriggerValue(data=label)))
        return self

    def go_to(self, page: str) -> None:
        """Follow a link of the navigation."""
        self._page, self._states = page, {}
        self.run()

    def wait(self) -> None:
        """Let the part of the page that is due again run, as the browser does when its time has come."""
        self.run(fragment=self.again.fragment_id)

    def run(self, *pressed: WidgetState, fragment: str = "") -> None:
        """Send what is filled in, and take in what the script then shows.

        Whose sign-in is over may be cut off before the run has ended: what was shown until then counts.
        """
        message = BackMsg()
        message.rerun_script.widget_states.widgets.extend([*self._states.values(), *pressed])
        message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = fragment, bool(fragment)
        message.rerun_script.page_name, message.rerun_script.query_string = self._page, self._query
        self._socket.send(message.SerializeToString())
        self.received, self.shown, self.leads_to, self.components, self.labels = b"", "", "", {}, {}
        try:
            while not self._hear(self._socket.recv(_PATIENCE_SECONDS, decode=False)):
                pass
        except ConnectionClosedError as error:
            if error.rcvd is None or error.rcvd.code != CloseCode.POLICY_VIOLATION:
                raise

    def upload_address(self) -> str:
        """Ask where to upload a file to. Returns the path with its query."""
        message = BackMsg()
        message.file_urls_request.file_names.append("a.bin")
        self._socket.send(message.SerializeToString())
        while True:
            told = ForwardMsg.FromString(self._socket.recv(_PATIENCE_SECONDS, decode=False))
            if told.WhichOneof("type") == "file_urls_response":
                return str(told.file_urls_response.file_urls[0].upload_url)

    def close(self) -> None:
        self._open.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(self, frame: bytes) -> bool:
        """Whether that was the last of a run."""
        self.received += frame
        told = ForwardMsg.FromString(frame)
        match told.WhichOneof("type"):
            case "script_finished":
                return bool(told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN)
            case "new_session":
                self.session_id = told.new_session.initialize.session_id
            case "auto_rerun":
                self.again = told.auto_rerun
            case "auth_redirect":
                self.leads_to = told.auth_redirect.url
            case "delta":
                self.shown += str(told.delta)
                self._see(told.delta.new_element)
        return False

    def _see(self, element: Element) -> None:
        match element.WhichOneof("type"):
            case "text_input" | "text_area" as kind:
                widget = getattr(element, kind)
                self.labels[widget.label] = widget.id
                self._states.setdefault(widget.id, WidgetState(id=widget.id, string_value=widget.default))
            case "file_uploader":
                self.labels[element.file_uploader.label] = element.file_uploader.id
            case "chat_input":
                self.labels[element.chat_input.placeholder] = element.chat_input.id
            case "menu_button":
                self.labels.update(dict.fromkeys(element.menu_button.options, element.menu_button.id))
            case "button":
                self.labels[element.button.label] = element.button.id
            case "bidi_component":
                self.components[element.bidi_component.component_name] = _data_of(element.bidi_component)


def _data_of(component: BidiComponent) -> str:
    kind = component.WhichOneof("data")
    return component.json if kind == "json" else component.mixed.json if kind == "mixed" else "{}"
