"""Headers of every answer, by which the browser forbids foreign scripts, frames around it, guesses at types.

Streamlit sends none of these headers. The policy of pages is as narrow as Streamlit's browser part allows; what each of
its looser parts is needed for is said beside it, and docs/security.md says what that costs.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.errors import ConfigurationError
from core.streamlit_compat.server import index_html
from core.web.address import folder, is_page
from core.web.index_html import add_ours

_YEAR = 365 * 86400
_NOTHING = "'none'"
_PAGE = {
    "default-src": ("'self'",),
    # The page's inline scripts are allowed by their hashes; that of a component arrives over the connection and is
    # imported as a blob. Graphviz is WebAssembly. Nothing needs `'unsafe-eval'`: Vega's expressions are interpreted.
    "script-src": ("'self'", "blob:", "'wasm-unsafe-eval'"),
    # Streamlit's styles are made in the browser, rule by rule, and by `st.html`.
    "style-src": ("'self'", "'unsafe-inline'"),
    "img-src": ("'self'", "data:", "blob:"),
    "font-src": ("'self'", "data:"),
    "media-src": ("'self'", "blob:"),
    # `'self'` includes the WebSocket. A recording is read again from its blob.
    "connect-src": ("'self'", "data:", "blob:"),
    "worker-src": ("'self'", "blob:"),
    "frame-src": ("'self'",),
    "manifest-src": ("'self'",),
    "form-action": ("'self'",),
    "frame-ancestors": (_NOTHING,),
    "object-src": (_NOTHING,),
    "base-uri": (_NOTHING,),
}
_FIXED = ("object-src", "base-uri")
"""Directives that nothing can be added to."""
_OTHER = (
    "default-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-downloads"
)
"""For what is no page. What a person has uploaded may be a document with a script, and its address may be opened."""
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The camera and the microphone are what `ui.camera_input` and `ui.audio_input` ask for.
    "Permissions-Policy": "camera=(self), microphone=(self), fullscreen=(self), display-capture=(), geolocation=(), "
    "accelerometer=(), gyroscope=(), magnetometer=(), midi=(), payment=(), usb=(), serial=(), hid=()",
}


def page_policy(inline_scripts: Iterable[str] = (), more: str = "") -> str:
    """Return the content security policy of pages.

    `inline_scripts` are allowed by their hashes. `more` adds sources, in the notation of such a policy, such as
    `img-src https://images.example; frame-ancestors https://portal.example`. Raises ConfigurationError for a directive
    that can't be added to.
    """
    policy = {name: list(sources) for name, sources in _PAGE.items()}
    policy["script-src"] += [_hash(script) for script in inline_scripts]
    for name, sources in _read(more).items():
        policy[name] = [source for source in policy[name] if source != _NOTHING] + sources
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in policy.items())


def scripts_of_the_page() -> list[str]:
    """Return the inline scripts of Streamlit's page, as they are in its installed version, and ours."""
    page = add_ours(index_html())
    return re.findall(r"<script>(.*?)</script>", page.decode(), re.DOTALL)


class HeadersMiddleware:
    """Adds the headers to every answer. `policy` is that of pages; `https` says that browsers come by HTTPS only.

    Streamlit's own scripts get the policy of pages: a worker takes it from its script. So do components of the older
    kind, each a page in a frame, which only pages of this app may hold.
    """

    def __init__(self, app: ASGIApp, *, policy: str, https: bool, base_path: str = "") -> None:
        self._app = app
        self._base = folder(base_path)
        self._https = https
        self._policy = policy
        self._framed = re.sub(r"frame-ancestors [^;]*", "frame-ancestors 'self'", policy)
        transport = {"Strict-Transport-Security": f"max-age={_YEAR}; includeSubDomains"} if https else {}
        self._headers: Mapping[str, str] = {**_ALWAYS, **transport}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = self._policy_of(scope)

        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                headers["Content-Security-Policy"] = policy
                headers.update(self._headers)
                # A page in the browser's memory would be shown to whoever presses "back" after somebody signed out.
                if headers.get("content-type", "").startswith("text/html") or "cache-control" not in headers:
                    headers["Cache-Control"] = "no-store"
                message = {**message, "headers": self._secured(headers.raw)}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            if not begun:  # Starlette's own answer to an error comes from outside of this, without headers
                await PlainTextResponse("Internal Server Error", 500)(scope, receive, send_with_headers)
            raise

    def _secured(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """Streamlit calls its own cookies secure where it serves HTTPS itself, and not behind a proxy that does."""
        if not self._https:
            return headers
        return [
            (name, value + b"; Secure") if name == b"set-cookie" and b"; secure" not in value.lower() else (name, value)
            for name, value in headers
        ]

    def _policy_of(self, scope: Scope) -> str:
        path: str = scope["path"]
        if path.startswith(f"{self._base}component/"):
            return self._framed
        if is_page(scope, self._base) or path.startswith(f"{self._base}static/"):
            return self._policy
        return _OTHER


def _read(more: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for directive in filter(None, (part.split() for part in more.split(";"))):
        name, *sources = directive
        if name not in _PAGE or name in _FIXED or not sources:
            known = ", ".join(each for each in _PAGE if each not in _FIXED)
            problem = (
                f"CONTENT_SOURCES: {' '.join(directive)!r} adds nothing that can be added. It takes {known}, each "
                "with its sources. Example: CONTENT_SOURCES=img-src https://images.example"
            )
            raise ConfigurationError([problem])
        found.setdefault(name, []).extend(sources)
    return found


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
