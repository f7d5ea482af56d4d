"""The scripts of the components that are on every page, at addresses that change with their content.

What a component consists of is sent again with every run: here that is a line or two that load its script, which a
browser asks for once.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.streamlit_compat.server import component_script
from core.web.address import app_folder

_FOLDER = Path(__file__).parent.with_name("ui")
_PARTS = {
    "browser": ("browser", "focus"),
    "status": ("draft_storage", "last_message", "page_fields", "posting", "unsent", "outbox", "open_fields", "status"),
}
_LOADING = """const load = (tries) =>
  import(`${location.origin}ADDRESS${tries ? `?${tries}` : ""}`).catch((error) => {
    console.error(error); // a browser remembers by its address that a script could not be loaded
    return new Promise((resolve) => setTimeout(resolve, 1000)).then(() => load(tries + 1));
  });
export default (await load(0)).default;
"""
_KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}
_ANOTHER = {"Cache-Control": "no-store"}
_served: list[Route] = []


def route(prefix: str) -> Route:
    """Return the route of the scripts below a prefix. From now on components load theirs from there."""
    served = Route(f"{prefix}/scripts/{{name}}-{{digest}}.js", _answer, methods=["GET"])
    _served.append(served)
    return served


def address(name: str) -> str:
    """Return the address of a script."""
    return f"{app_folder()}keep/scripts/{name}-{_digest(name)}.js"


def links() -> str:
    """Return what a page has in its HTML to load the scripts before their components come."""
    return "".join(f'<link rel="modulepreload" href="{address(name)}">' for name in _PARTS if _served)


def module(name: str) -> str:
    """Return the module that a component consists of: it loads the script, or is the script where nothing serves it."""
    return _LOADING.replace("ADDRESS", address(name)) if _served else _script(name)


async def _answer(request: Request) -> Response:
    """Answer with a script, also to a page of another version: it goes on with this one until it is loaded anew."""
    name = request.path_params["name"]
    if name not in _PARTS:
        return Response(status_code=404, headers=_ANOTHER)
    is_this = request.path_params["digest"] == _digest(name)
    return Response(_script(name), headers=_KEPT if is_this else _ANOTHER, media_type="text/javascript")


def _script(name: str) -> str:
    return component_script(*(_FOLDER / f"{part}.js" for part in _PARTS[name]))


@cache
def _digest(name: str) -> str:
    return hashlib.sha256(_script(name).encode()).hexdigest()[:16]
