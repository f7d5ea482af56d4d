"""What was refused to a browser before any page of ours was asked, for the audit trail."""

from __future__ import annotations

from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import Scope

from core.accounts import Actor
from core.services import get_services
from core.web.client import noted_address
from core.web.device import describe_device

OTHER_SITE = "a request from another site"
OTHER_NAME = "a request for a server of another name"
OTHER_PAGE = "another browser's open page"
OTHER_UPLOAD = "an upload into another browser's page"


class Refused(Protocol):
    """Is told what was refused to a browser."""

    def __call__(self, scope: Scope, what: str, *, browser: str | None = None, owner: str | None = None) -> None: ...


def note_refusal(scope: Scope, what: str, *, browser: str | None = None, owner: str | None = None) -> None:
    """Note soon that a request was refused. `browser` and `owner` are hashes of tokens, as in `Accounts.deny`."""
    client = scope.get("client")
    device = describe_device(Headers(scope=scope).get("user-agent"))
    by = Actor(address=noted_address(client[0] if client else None), device=device)
    get_services().accounts.deny(what, by=by, browser=browser, owner=owner)
