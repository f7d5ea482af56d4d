"""What is typed and not yet committed, posted by the page's script while it is being typed."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from core.clock import stamp_time
from core.drafts import Draft, UntakenTextError, digest_of, draft_path
from core.errors import CorruptValueError, KeepError, NotKeptError, NotKeptNowError, StoreUnavailableError
from core.forms import FormSnapshot
from core.paths import CREATED_PATH, USER_PATH, field_path, join_path
from core.services import Services, get_services
from core.session_persistence import Held
from core.session_state import REMOVED
from core.web.device import describe_device
from core.web.grants import Grant
from core.web.owner import Owner, find_owner, require_token
from core.web.rate import RateLimit
from core.web.request import read_json, require_same_origin
from core.web.token import token_hash
from core.words import FALLBACK, spoken, words_in

BODY_LIMIT = 300 * 1024
"""Bytes. A field may have 256 KB."""
RATE = RateLimit(per_second=20, burst=200)
"""A tab posts at most three texts a second, and one that was offline as many as it has fields."""
_TAB = re.compile(r"[0-9a-f]{32}")
_LARGEST = 2**53
_AGE_LIMIT_MS = 400 * 86_400_000
_SLACK = timedelta(seconds=2)
"""How long the way into the database may take: a text must be older than that to count as older than what is there."""
_LOCKS = tuple(threading.Lock() for _ in range(64))
"""So that of two posts of one field, such as a late one and a beacon, one sees the other. Shared by hash."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The body of a request. `age_ms`: how long ago it was typed. The rest is as in `core.drafts.Draft`."""

    tab: str
    number: int
    grant: str
    text: str
    seen: str
    on_screen: bool
    age_ms: int
    language: str = FALLBACK
    """Of what is answered about the text."""

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Post:
        """Read a body. Raises 400 for one that is malformed."""
        match {"age_ms": 0, "seen": "", "on_screen": True, "language": FALLBACK, **body}:
            case {
                "tab": str(tab),
                "number": int(number),
                "grant": str(grant),
                "text": str(text),
                "seen": str(seen),
                "on_screen": bool(on_screen),
                "age_ms": int(age_ms),
                "language": str(language),
            } if _TAB.fullmatch(tab) and 0 < number < _LARGEST and _is_stamp(seen) and 0 <= age_ms <= _AGE_LIMIT_MS:
                return cls(
                    tab=tab,
                    number=number,
                    grant=grant,
                    text=text,
                    seen=seen,
                    on_screen=on_screen,
                    age_ms=age_ms,
                    language=spoken(language),
                )
        raise HTTPException(400, "A draft needs tab, number, grant and text, or what else it has is malformed.")


async def drafts(request: Request) -> Response:
    """Answer 204 once the text is durable, or was before.

    400 for a malformed body, 401 without a valid cookie or for an ended session, 403 for another site or a field that
    was not shown to this session, 413 for a body over the limit, 422 with the reason for a text that its widget
    wouldn't take, 429 for too many, 503 when it can't be kept now. `Keep-Database` says whether the database is up,
    `Keep-Stamp` and `Keep-At` which stamp the field has now, and since when.
    """
    require_same_origin(request)
    services = get_services()
    token = require_token(request, services)
    if seconds := RATE.wait(token_hash(token)):
        raise HTTPException(429, "Too many drafts at once.", headers={"Retry-After": f"{max(1, round(seconds))}"})
    post = Post.parse(await read_json(request, limit=BODY_LIMIT))
    device = describe_device(request.headers.get("user-agent"))
    away = {"Keep-Database": "away", "Retry-After": "1"}
    try:
        owner, stamp = await run_in_threadpool(_receive, services, token, device, post)
    except NotKeptNowError as error:
        raise HTTPException(503, str(error), headers=away) from error
    except UntakenTextError as error:
        raise HTTPException(422, error.said(words_in(post.language))) from error
    except NotKeptError as error:
        raise HTTPException(422, f"{error.reason}. {error.remedy}") from error
    except (KeepError, SQLAlchemyError) as error:
        log.warning("a draft can't be kept now", error=str(error))
        raise HTTPException(503, "Nothing can be kept now. It is sent again later.", headers=away) from error
    database = "away" if owner.database_away or services.engine.status().failures else "up"
    headers = {"Keep-Database": database, "Keep-Stamp": stamp, "Cache-Control": "no-store"}
    if stamp:
        headers["Keep-At"] = stamp_time(stamp).isoformat()
    return Response(status_code=204, headers=headers)


def _receive(services: Services, token: str, device: str, post: Post) -> tuple[Owner, str]:
    """Keep a draft. Returns whose it is, and the field's stamp."""
    owner = find_owner(services, token)
    grant = Grant.open(post.grant, owner.session_id, services.settings.secret_key.get_secret_value())
    if grant is None:
        raise HTTPException(403, "This field was not shown to you. Reload the page.")
    value = grant.rule.read(post.text)
    if not owner.registered and not owner.database_away:
        services.accounts.register_soon(owner.token_hash, owner.session_id, device)
    field = field_path(grant.form, grant.field)
    with _LOCKS[hash((owner.session_id, field)) % len(_LOCKS)]:
        return owner, _keep(services, owner, post, grant, field, value)


def _keep(services: Services, owner: Owner, post: Post, grant: Grant, field: str, value: Any) -> str:
    note_path = draft_path(post.tab, grant.form, grant.field)
    held = _look(services, owner, (field, note_path, CREATED_PATH))
    known = Draft.parse(held[note_path].value)
    draft = Draft(number=post.number, digest=digest_of(value), on_screen=post.on_screen)
    values: dict[str, Any] = {note_path: draft.to_dict()}
    if known is not None and known.number >= post.number:
        unseen = known.on_screen and not post.on_screen and known.number == post.number
        if unseen and held[field].value is not REMOVED and digest_of(held[field].value) == known.digest:
            # It arrived when the page that replaced the one it was typed in had been rendered: news to that page.
            services.engine.record(owner.session_id, values)
        return held[field].stamp
    if _is_older(services, post, held[field]):
        if not post.on_screen and digest_of(held[field].value) != draft.digest:
            _set_aside(services, owner, draft, note_path, grant, value)
        return held[field].stamp
    if held[CREATED_PATH].value is REMOVED and not owner.database_away:
        values[CREATED_PATH] = services.clock.now()
        if owner.user_id:
            values[USER_PATH] = owner.user_id
    seen = {field: _credible(services, post.seen, held[field])}
    return services.engine.record(owner.session_id, {field: value, **values}, seen)[field]


def _look(services: Services, owner: Owner, paths: tuple[str, ...]) -> dict[str, Held]:
    if not owner.database_away:
        try:
            with services.accounts.hurry:
                return services.engine.look(owner.session_id, paths)
        except StoreUnavailableError as error:
            log.info("a draft is kept without the database", error=str(error))
    # What is in the database only is unknown now. A draft that is kept twice changes nothing.
    return services.engine.look(owner.session_id, paths, here_only=True)


def _is_stamp(text: str) -> bool:
    try:
        stamp_time(text)
    except CorruptValueError:
        return False
    return True


def _is_older(services: Services, post: Post, held: Held) -> bool:
    """Whether a text was typed before somebody entered, or cleared, what is there now.

    What its page still shows counts as the latest, unless the field was cleared: by the button pressed after typing.
    """
    if held.stamp in ("", post.seen) or (post.on_screen and held.value is not REMOVED):
        return False
    typed = services.clock.now() - timedelta(milliseconds=post.age_ms)
    return stamp_time(held.stamp) > (typed if post.on_screen else typed + _SLACK)


def _set_aside(services: Services, owner: Owner, note: Draft, note_path: str, grant: Grant, value: Any) -> None:
    """Keep what a page left behind beside what was entered later, as a version of the form."""
    if owner.database_away:
        raise StoreUnavailableError("The form can't be read now.")
    session = services.engine.open(owner.session_id, owner.user_id)
    form = session.form(grant.form)
    typed = replace(form, values={**form.values, grant.field: value})
    name = words_in(session.preferences.language)("status.left_behind")
    snapshot = FormSnapshot.of(typed, at=services.clock.now(), description=name, automatic=True)
    path = join_path("form", grant.form, "snapshot", snapshot.snapshot_id)
    services.engine.record(owner.session_id, {path: snapshot.to_dict(), note_path: note.to_dict()})


def _credible(services: Services, seen: str, held: Held) -> str:
    """Return the stamp that a page says it saw. One from the future would take the server's own clock along."""
    if seen > held.stamp and stamp_time(seen) > services.clock.now():
        return held.stamp
    return seen
