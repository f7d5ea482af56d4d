"""What is typed and not yet committed, posted by the page's script while it is being typed."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.accounts import Identity
from core.clock import NO_STAMP, stamp_time
from core.errors import CorruptValueError, KeepError, NotKeptError, NotKeptNowError, StoreUnavailableError
from core.rate import RateLimit
from core.services import Services, get_services
from core.session_persistence import Held
from core.state.changes import REMOVED
from core.state.drafts import Draft, UntakenTextError, digest_of, draft_path
from core.state.forms import FormSnapshot, same
from core.state.paths import CREATED_PATH, USER_PATH, field_path, join_path, step_path
from core.state.steps import FieldEdit, Kind, Mark, Step
from core.web.device import describe_device
from core.web.grants import Grant
from core.web.request import read_json, require_identity, require_same_origin, require_token
from core.web.token import token_hash
from core.words import FALLBACK, spoken, words_in

BODY_LIMIT = 300 * 1024
"""Bytes. A field may have 256 KB."""
RATE = RateLimit(per_second=20, burst=200)
"""A tab posts at most three texts a second, and one that was offline as many as it has fields."""
_TAB = re.compile(r"[0-9a-f]{32}")
_LARGEST = 2**53
_LONGEST_ID = 1024
_OLDEST_MS = 400 * 86_400_000
"""What was typed longer ago counts as this old: a browser's clock may be years behind just after its start."""
_SLACK = timedelta(seconds=2)
"""How long the way into the database may take: a text must be older than that to count as older than what is there."""
_VERDICTS = {204: "kept", 401: "signed-out", 403: "not-shown", 408: "later", 429: "later", 503: "later"}
_LOCKS = tuple(threading.Lock() for _ in range(64))
"""So that of two posts of one field, such as a late one and a beacon, one sees the other. Shared by hash."""

Place = tuple[str, str]
"""A form, and one of its fields."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The body of a request. `age_ms`: how long ago it was typed. The rest is as in `core.state.drafts.Draft`."""

    tab: str
    number: int
    grant: str
    text: str
    seen: str
    on_screen: bool
    age_ms: int
    language: str = FALLBACK
    """Of what is answered about the text."""
    widget: str = ""
    """Streamlit's id of the widget it is typed into."""

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Post:
        """Read a body. Raises 400 for one that is malformed."""
        match {"age_ms": 0, "seen": "", "on_screen": True, "language": FALLBACK, "widget": "", **body}:
            case {
                "tab": str(tab),
                "number": int(number),
                "grant": str(grant),
                "text": str(text),
                "seen": str(seen),
                "on_screen": bool(on_screen),
                "age_ms": int(age_ms),
                "language": str(language),
                "widget": str(widget),
            } if _TAB.fullmatch(tab) and 0 < number < _LARGEST and _is_stamp(seen) and age_ms >= 0:
                return cls(
                    tab=tab,
                    number=number,
                    grant=grant,
                    text=text,
                    seen=seen,
                    on_screen=on_screen,
                    age_ms=min(age_ms, _OLDEST_MS),
                    language=spoken(language),
                    widget=widget[:_LONGEST_ID],
                )
        raise HTTPException(400, "A draft needs tab, number, grant and text, or what else it has is malformed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Author:
    """Where and when a text was typed."""

    tab: str
    device: str
    typed: datetime

    def step(self, edits: Mapping[str, FieldEdit], kind: Kind) -> Step:
        return Step(
            step_id=secrets.token_hex(8),
            made=NO_STAMP,
            edits=edits,
            author=self.tab,
            device=self.device,
            kind=kind,
            typing_since=self.typed,
        )


async def drafts(request: Request) -> Response:
    """Answer 204 once the text is durable, or was before.

    400 for a malformed body, 401 without a valid cookie or for an ended session, 403 for another site or a field that
    was not shown to this session, 413 for a body over the limit, 422 with the reason for a text that its widget
    wouldn't take, 429 for too many, 503 when it can't be kept now. `Keep-Database` says whether the database is up,
    `Keep-Stamp` and `Keep-At` which stamp the field has now, and since when. `Keep-Draft` is what became of the text:
    `kept`, `signed-out`, `not-shown`, `later`, or `refused` for good. Every answer has it, and no other answer counts:
    whatever stands between a page and this route may answer in its place.
    """
    try:
        answer = await _answer(request)
    except HTTPException as error:
        answer = PlainTextResponse(error.detail, error.status_code, headers=error.headers)
    answer.headers["Keep-Draft"] = _VERDICTS.get(answer.status_code, "refused")
    return answer


async def _answer(request: Request) -> Response:
    require_same_origin(request)
    services = get_services()
    token = require_token(request, services)
    if seconds := RATE.wait(token_hash(token)):
        raise HTTPException(429, "Too many drafts at once.", headers={"Retry-After": f"{max(1, round(seconds))}"})
    post = Post.parse(await read_json(request, limit=BODY_LIMIT))
    typed = services.clock.now() - timedelta(milliseconds=post.age_ms)
    author = _Author(tab=post.tab, device=describe_device(request.headers.get("user-agent")), typed=typed)
    away = {"Keep-Database": "away", "Retry-After": "1"}
    try:
        owner, stamp = await run_in_threadpool(_receive, services, token, author, post)
    except NotKeptNowError as error:
        raise HTTPException(503, str(error), headers=away) from error
    except UntakenTextError as error:
        raise HTTPException(422, error.said(words_in(post.language))) from error
    except NotKeptError as error:
        raise HTTPException(422, f"{error.reason}. {error.remedy}") from error
    except KeepError as error:
        log.warning("a draft can't be kept now", error=str(error))
        raise HTTPException(503, "Nothing can be kept now. It is sent again later.", headers=away) from error
    database = "away" if owner.database_away or services.engine.status().failures else "up"
    headers = {"Keep-Database": database, "Keep-Stamp": stamp, "Cache-Control": "no-store"}
    if stamp:
        headers["Keep-At"] = stamp_time(stamp).isoformat()
    return Response(status_code=204, headers=headers)


def _receive(services: Services, token: str, author: _Author, post: Post) -> tuple[Identity, str]:
    """Keep a draft. Returns whose it is, and the field's stamp."""
    owner = require_identity(services, token)
    grant = Grant.open(post.grant, owner.session_id, services.settings.secret_key.get_secret_value())
    if grant is None:
        raise HTTPException(403, "This field was not shown to you. Reload the page.")
    return owner, _take_in(services, owner, author, post, grant, grant.rule.read(post.text))


def keep_with_message(
    services: Services,
    owner: Identity,
    device: str,
    sent: Sequence[Mapping[str, Any]],
    edits: Mapping[Place, Any],
    vouch: Callable[[], object],
) -> dict[Place, KeepError]:
    """Keep drafts that came with a message of Streamlit's, all but those whose value its edits have, by field.

    Returns why some couldn't be kept. What the route would not have taken is left out. `vouch` is called before
    anything is kept, and raises where that may not be.
    """
    untaken: dict[Place, KeepError] = {}
    late: list[tuple[Post, Grant, Any]] = []
    for body in sent:
        try:
            post = Post.parse({**body, "text": body.get("text") or ""})
        except HTTPException:
            continue
        grant = Grant.open(post.grant, owner.session_id, services.settings.secret_key.get_secret_value())
        if grant is None:
            continue
        try:
            if body.get("text") is None:
                raise UntakenTextError("typed.not_here")
            value = grant.rule.read(post.text)
        except UntakenTextError as error:
            untaken[grant.form, grant.field] = error
            continue
        if not same(value, edits.get((grant.form, grant.field), REMOVED)):
            late.append((post, grant, value))
    if late:
        vouch()
    for post, grant, value in late:
        typed = services.clock.now() - timedelta(milliseconds=post.age_ms)
        try:
            _take_in(services, owner, _Author(tab=post.tab, device=device, typed=typed), post, grant, value)
        except NotKeptError as error:
            untaken[grant.form, grant.field] = error
        except KeepError as error:
            log.warning("a draft can't be kept now", error=str(error))
            untaken[grant.form, grant.field] = NotKeptNowError()
    return untaken


def _take_in(services: Services, owner: Identity, author: _Author, post: Post, grant: Grant, value: Any) -> str:
    """Keep the value of a draft. Returns the field's stamp."""
    if not owner.registered and owner.token_hash is not None and not owner.database_away:
        services.accounts.register_soon(owner.token_hash, owner.session_id, author.device)
    field = field_path(grant.form, grant.field)
    with _LOCKS[hash((owner.session_id, field)) % len(_LOCKS)]:
        return _keep(services, owner, author, post, grant, field, value)


def _keep(
    services: Services, owner: Identity, author: _Author, post: Post, grant: Grant, field: str, value: Any
) -> str:
    note_path = draft_path(post.tab, grant.form, grant.field)
    held = _look(services, owner, (field, note_path, CREATED_PATH))
    known = Draft.parse(held[note_path].value)
    draft = Draft(number=post.number, digest=digest_of(value), on_screen=post.on_screen, widget=post.widget)
    if known is not None and known.number >= post.number:
        unseen = known.on_screen and not post.on_screen and known.number == post.number
        if unseen and held[field].value is not REMOVED and digest_of(held[field].value) == known.digest:
            # It arrived when the page that replaced the one it was typed in had been rendered: news to that page.
            services.engine.record(owner.session_id, {note_path: replace(known, on_screen=False).to_dict()})
        return held[field].stamp
    drafted = known is not None and held[note_path].stamp == held[field].stamp
    if known is not None and known.sent and known.digest == draft.digest and post.seen < held[field].stamp:
        return held[field].stamp  # no draft any more, unless somebody typed it again since
    own, pressed = (True, False) if drafted else _entered_here(services, owner, grant.form, post, held[field])
    if _is_older(post, held[field], author.typed, typed_here=own and not pressed):
        if not (own and post.on_screen) and digest_of(held[field].value) != draft.digest:
            _set_aside(services, owner, author, post, draft, note_path, grant, value)
        return held[field].stamp
    if same(value, held[field].value):
        services.engine.record(owner.session_id, {note_path: draft.to_dict()})
        return held[field].stamp
    last = _typing(services, owner, grant.form, known) if known and drafted else None
    if last is not None and last.goes_on(post.tab, grant.field, held[field].stamp, author.typed):
        step = last.with_text(grant.field, value)
    else:
        base = held[field].stamp if own else min(post.seen, held[field].stamp)
        step = author.step({grant.field: FieldEdit(before=held[field].value, after=value, base=base)}, "edit")
    values: dict[str, Any] = {
        field: value,
        step_path(grant.form, step.step_id): step.to_dict(),
        note_path: replace(draft, step=step.step_id).to_dict(),
    }
    if held[CREATED_PATH].value is REMOVED and not owner.database_away:
        values[CREATED_PATH] = services.clock.now()
        if owner.user_id:
            values[USER_PATH] = owner.user_id
    seen = {field: _credible(services, post.seen, held[field])}
    return services.engine.record(owner.session_id, values, seen)[field]


def _typing(services: Services, owner: Identity, form: str, note: Draft) -> Step | None:
    """The step that a tab's last draft of a field belongs to."""
    path = step_path(form, note.step)
    held = _look(services, owner, (path,))[path]
    return None if held.value is REMOVED else Step.parse(note.step, held.stamp, held.value)


def _entered_here(services: Services, owner: Identity, form: str, post: Post, held: Held) -> tuple[bool, bool]:
    """Whether what the field holds was entered in the very tab the text comes from, and whether by a button there."""
    if held.stamp in ("", post.seen) or owner.database_away:
        return True, False
    maker = services.engine.open(owner.session_id, owner.user_id).timeline(form).maker(held.stamp)
    if maker is None or maker.author != post.tab:
        return False, False
    return True, isinstance(maker, Mark) or maker.kind != "edit"


def _look(services: Services, owner: Identity, paths: tuple[str, ...]) -> dict[str, Held]:
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


def _is_older(post: Post, held: Held, typed: datetime, *, typed_here: bool) -> bool:
    """Whether a text was typed before somebody entered, or cleared, what is there now.

    What its page still shows counts as later than what was typed in the same tab, which may have been on its way for
    long. It doesn't count as later than what a button pressed after it brought or cleared.
    """
    if held.stamp in ("", post.seen) or (typed_here and post.on_screen and held.value is not REMOVED):
        return False
    return stamp_time(held.stamp) > (typed if post.on_screen else typed + _SLACK)


def _set_aside(
    services: Services,
    owner: Identity,
    author: _Author,
    post: Post,
    note: Draft,
    note_path: str,
    grant: Grant,
    value: Any,
) -> None:
    """Keep a text beside what was entered later elsewhere, for people to choose; a closed page's as a version, too."""
    if owner.database_away:
        raise StoreUnavailableError("The form can't be read now.")
    step = author.step({grant.field: FieldEdit(after=value, base=post.seen)}, "late")
    values: dict[str, Any] = {step_path(grant.form, step.step_id): step.to_dict(), note_path: note.to_dict()}
    if not post.on_screen:
        session = services.engine.open(owner.session_id, owner.user_id)
        form = session.form(grant.form)
        typed = replace(form, values={**form.values, grant.field: value})
        name = words_in(session.preferences.language)("status.left_behind")
        snapshot = FormSnapshot.of(typed, at=services.clock.now(), description=name, automatic=True)
        values[join_path("form", grant.form, "snapshot", snapshot.snapshot_id)] = snapshot.to_dict()
    services.engine.record(owner.session_id, values)


def _credible(services: Services, seen: str, held: Held) -> str:
    """Return the stamp that a page says it saw. One from the future would take the server's own clock along."""
    if seen > held.stamp and stamp_time(seen) > services.clock.now():
        return held.stamp
    return seen
