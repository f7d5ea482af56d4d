"""The route for typed text, which the page's script posts while it is being typed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
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
from core.services import Services
from core.session import UserSession
from core.state import undo
from core.state.edits import FieldEdit, FormEdit, UndoMark
from core.state.equality import same
from core.state.paths import REMOVED, Change, edit_path, field_path, split_path
from core.state.text_rules import UntakenTextError
from core.state.typed_text import Draft, digest_of, draft_path
from core.web.client import describe_device
from core.web.field_token import FieldToken
from core.web.replica import get_strays
from core.web.request import open_paths, read_json, require_identity, require_page
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
"""Limit for the age of a text: a browser's clock may be years behind just after its start."""
_SLACK = timedelta(seconds=2)
"""Tolerance for transport: a text counts as older than the stored value only if it is older by more than that."""
_VERDICTS = {204: "kept", 401: "signed-out", 403: "not-shown", 408: "later", 429: "later", 503: "later"}
_LOCKS = tuple(threading.Lock() for _ in range(64))
"""Locks for posts of one field, shared by hash: of a late post and a beacon one sees the other."""

Place = tuple[str, str]
"""A form, and one of its fields."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The body of a request. `age_ms`: how long ago it was typed. The rest is as in `core.state.typed_text.Draft`."""

    tab: str
    number: int
    token: str
    """Of the field, see `core.web.field_token`."""
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
                "token": str(token),
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
                    token=token,
                    text=text,
                    seen=seen,
                    on_screen=on_screen,
                    age_ms=min(age_ms, _OLDEST_MS),
                    language=spoken(language),
                    widget=widget[:_LONGEST_ID],
                )
        raise HTTPException(400, "A draft needs tab, number, token and text, or what else it has is malformed.")


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
    services, token = require_page(request, RATE)
    get_strays().note(token_hash(token))
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
    except KeepError as error:
        log.warning("a draft can't be kept now", error=str(error))
        raise HTTPException(503, "Nothing can be kept now. It is sent again later.", headers=away) from error
    database = "away" if owner.database_away or services.engine.failures else "up"
    headers = {"Keep-Database": database, "Keep-Stamp": stamp, "Cache-Control": "no-store"}
    if stamp:
        headers["Keep-At"] = stamp_time(stamp).isoformat()
    return Response(status_code=204, headers=headers)


def _receive(services: Services, token: str, device: str, post: Post) -> tuple[Identity, str]:
    """Make a text durable. Returns whose it is, and the field's stamp."""
    owner = require_identity(services, token)
    field = FieldToken.open(post.token, owner.session_id, services.settings.secret_key.get_secret_value())
    if field is None:
        raise HTTPException(403, "This field was not shown to you. Reload the page.")
    return owner, _TypedText(services, owner, device, post, field, field.rule.read(post.text)).write()


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
    late: list[tuple[Post, FieldToken, Any]] = []
    for body in sent:
        try:
            post = Post.parse({**body, "text": body.get("text") or ""})
        except HTTPException:
            continue
        field = FieldToken.open(post.token, owner.session_id, services.settings.secret_key.get_secret_value())
        if field is None:
            continue
        try:
            if body.get("text") is None:
                raise UntakenTextError("typed.not_here")
            value = field.rule.read(post.text)
        except UntakenTextError as error:
            untaken[field.form, field.field] = error
            continue
        if not same(value, edits.get((field.form, field.field), REMOVED)):
            late.append((post, field, value))
    if late:
        vouch()
    for post, field, value in late:
        try:
            _TypedText(services, owner, device, post, field, value).write()
        except NotKeptError as error:
            untaken[field.form, field.field] = error
        except KeepError as error:
            log.warning("a draft can't be kept now", error=str(error))
            untaken[field.form, field.field] = NotKeptNowError()
    return untaken


class _TypedText:
    """A text that was typed into a field, on its way into the session."""

    def __init__(
        self, services: Services, owner: Identity, device: str, post: Post, field: FieldToken, value: Any
    ) -> None:
        self._services, self._owner, self._device = services, owner, device
        self._post, self._form, self._name, self._value = post, field.form, field.field, value
        self._typed = services.clock.now() - timedelta(milliseconds=post.age_ms)
        self._field = field_path(field.form, field.field)
        self._note = draft_path(post.tab, field.form, field.field)

    def write(self) -> str:
        """Make the text durable, as an edit of its field or beside a later one. Returns the field's stamp."""
        owner = self._owner
        if not owner.registered and owner.token_hash is not None and not owner.database_away:
            self._services.accounts.tokens.register(owner.token_hash, owner.session_id, self._device)
        with _LOCKS[hash((owner.session_id, self._field)) % len(_LOCKS)]:
            session = self._open([self._field, self._note])
            known = Draft.parse(session.values.get(self._note))
            if known is not None and known.edit_id:
                session = self._open([self._field, self._note, edit_path(self._form, known.edit_id)])
            self._write(session)
            return session.stamps.get(self._field, NO_STAMP)

    def _write(self, session: UserSession) -> None:
        post, value, stamp = self._post, self._value, session.stamps.get(self._field, NO_STAMP)
        held = session.values.get(self._field, REMOVED)
        known = Draft.parse(session.values.get(self._note))
        draft = Draft(number=post.number, digest=digest_of(value), on_screen=post.on_screen, widget=post.widget)
        if known is not None and known.number >= post.number:
            is_unseen = known.on_screen and not post.on_screen and known.number == post.number
            if is_unseen and held is not REMOVED and digest_of(held) == known.digest:
                # It arrived when the page that replaced the one it was typed in had been rendered: news to that page.
                session.commit([self._noted(replace(known, on_screen=False))])
            return
        if known is not None and known.sent and known.digest == draft.digest and post.seen < stamp:
            return  # no draft any more, unless somebody typed it again since
        is_typing = known is not None and session.stamps[self._note] == stamp
        is_own, is_pressed = is_typing or stamp in ("", post.seen) or self._owner.database_away, False
        if not is_own:
            writer = self._writer(stamp)
            is_own = writer is not None and writer.author == post.tab
            is_pressed = isinstance(writer, UndoMark) or (writer is not None and writer.kind != "edit")
        if self._is_older(held, stamp, typed_here=is_own and not is_pressed):
            if not (is_own and post.on_screen) and digest_of(held) != draft.digest:
                self._write_beside(session, draft)
            return
        if same(value, held):
            session.commit([self._noted(draft)])
            return
        if post.seen > stamp and stamp_time(post.seen) <= self._services.clock.now():
            session.stamps[self._field] = post.seen  # of an edit that is in the database only, which is away
        seen = {} if is_own else {self._name: min(post.seen, stamp)}
        changes = undo.edit(session, self._form, {self._name: value}, seen=seen, typing_since=self._typed)
        edit_id = split_path(changes[1].path)[-1]
        session.commit([*changes, self._noted(replace(draft, edit_id=edit_id))])

    def _write_beside(self, session: UserSession, draft: Draft) -> None:
        """Store the text beside a later entry, for people to choose between them."""
        if session.is_partial:
            raise StoreUnavailableError("The form can't be read now.")
        change = FieldEdit(after=self._value, seen_stamp=self._post.seen)
        session.commit([*undo.late_edit(session, self._form, {self._name: change}, self._typed), self._noted(draft)])

    def _writer(self, stamp: str) -> FormEdit | UndoMark | None:
        """Return what gave the field its value, None where that isn't known."""
        session = self._services.engine.read_commit(self._owner.session_id, stamp)
        return undo.history(session, self._form).writer(stamp)

    def _is_older(self, held: Any, stamp: str, *, typed_here: bool) -> bool:
        """Return whether the text was typed before somebody entered, or cleared, what the field holds.

        What its page still shows counts as later than what was typed in the same tab, which may have been on its way
        for long. It doesn't count as later than what a button pressed after it set or cleared.
        """
        post = self._post
        if stamp in ("", post.seen) or (typed_here and post.on_screen and held is not REMOVED):
            return False
        return stamp_time(stamp) > (self._typed if post.on_screen else self._typed + _SLACK)

    def _noted(self, draft: Draft) -> Change:
        return Change(self._note, draft.to_dict())

    def _open(self, paths: Collection[str]) -> UserSession:
        return self._adopt(open_paths(self._services, self._owner, paths))

    def _adopt(self, session: UserSession) -> UserSession:
        """Make the tab of the post the author of what is written into the session."""
        session.tab_id, session.device = self._post.tab, self._device
        return session


def _is_stamp(text: str) -> bool:
    try:
        stamp_time(text)
    except CorruptValueError:
        return False
    return True
