"""A member's browser that uploads as a page does, and what it says of a file then."""

from __future__ import annotations

import re
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urljoin, urlsplit

from streamlit.proto.Common_pb2 import ChatInputValue, FileUploaderState, UploadedFileInfo
from streamlit.proto.WidgetStates_pb2 import WidgetState

from core.web.token import new_token
from tests.engine.office import Office
from tests.engine.open_page import OpenPage

_BOUNDARY = "the-boundary"
_MOST_REDIRECTS = 20


class Browser:
    """One browser of a member, or of nobody yet. `port` may be a load balancer's."""

    def __init__(self, office: Office, *, signed_in: bool = True, port: int | None = None) -> None:
        self._port = port or office.server.port
        self.user_id = office.person() if signed_in else ""
        self._cookie = office.cookie(office.sign_in(self.user_id) if signed_in else new_token(office.secret))
        _, self._xsrf, _ = self._ask("GET", "/_stcore/health")

    def open(self, page: str = "") -> OpenPage:
        return OpenPage(self._port, self._cookie, page)

    def put(self, address: str, content: bytes, *, name: str = "a.bin", port: int | None = None) -> int:
        """Upload a file, to another server than the page's with `port`. Returns the status of the answer."""
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        return self._ask("PUT", address, body, port, **{"X-Xsrftoken": self._xsrf, "Content-Type": kind})[0]

    def get(self, address: str, *, most_redirects: int = _MOST_REDIRECTS) -> tuple[int, bytes]:
        """Ask for an address, and follow redirects as browsers do. Returns the status and the body."""
        for _ in range(most_redirects + 1):
            status, place, body = self._ask("GET", address)
            if status != 307:
                break
            address = urljoin(address, place)
        return status, body

    def _ask(
        self, method: str, path: str, body: bytes | None = None, port: int | None = None, **headers: str
    ) -> tuple[int, str, bytes]:
        """Return the status, the place it leads to or else the token against forged requests, and the body."""
        xsrf = headers.get("X-Xsrftoken", "")
        sent = {"Cookie": f"{self._cookie}; _streamlit_xsrf={xsrf}", "Sec-Fetch-Site": "same-origin", **headers}
        with closing(HTTPConnection("127.0.0.1", port or self._port, timeout=60)) as line:
            line.request(method, path, body, sent)
            answer = line.getresponse()
            given = re.findall(r"_streamlit_xsrf=([^;]+)", str(answer.headers))
            return answer.status, answer.headers.get("Location") or "".join(given[:1]), answer.read()


def names(widget: str, address: str, *, chat: bool = False) -> WidgetState:
    """Return what a browser says of the widget that has uploaded a file to an address."""
    upload = urlsplit(address).path.rpartition("/")[2]
    files = FileUploaderState(uploaded_file_info=[UploadedFileInfo(file_id=upload, name="a.bin", size=3)])
    if chat:
        return WidgetState(id=widget, chat_input_value=ChatInputValue(data="", file_uploader_state=files))
    return WidgetState(id=widget, file_uploader_state_value=files)
