"""Everything held on a person, as JSON for them to read, or as an archive with their files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, BinaryIO
from uuid import UUID

import orjson
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.accounts import Actor, Audited, User
from core.accounts.users import GONE
from core.codec import encode
from core.errors import AccountError, CorruptValueError, FilesUnavailableError, NotKeptError
from core.files import FileRef
from core.personal.apps import Person, apps_with_data, person_of
from core.services import Services
from core.state.paths import REMOVED
from core.storage.database import reachable, read_from
from core.storage.models import InvitationModel, KnownDeviceModel, UserModel

DATA = "data.json"
"""Name of the JSON within an archive."""
_SIGNED_IN_BEFORE = select(KnownDeviceModel.last_sign_in).order_by(KnownDeviceModel.last_sign_in.desc())
_INVITATIONS = select(InvitationModel.created_at, InvitationModel.expires_at, InvitationModel.roles).order_by(
    InvitationModel.created_at
)
"""Without whom they are for, which is not theirs who gave them."""
_OF_A_BROWSER = ("device", "created_at", "last_seen", "expires_at", "revoked_at")


def export_json(services: Services, user: User, *, by: Actor) -> bytes:
    """Return everything held on a person as JSON, and add a line in the audit trail that it was given out.

    Raises StoreUnavailableError or SessionUnavailableError when not all of it can be read now, and AccountError for an
    app that can't say what it holds.
    """
    content, _ = _held_on(services, user, by)
    return _json(content)


def export_archive(services: Services, user: User, target: BinaryIO, *, by: Actor) -> None:
    """Write the same with the files themselves as a ZIP archive, piece by piece. Raises as `export_json`."""
    content, files = _held_on(services, user, by)
    missing = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for digest, ref in files.items():
            try:
                with archive.open(_place(ref), "w", force_zip64=True) as entry:
                    for piece in services.files.pieces(digest):
                        entry.write(piece)
            except (FilesUnavailableError, CorruptValueError) as error:
                missing.append({"sha256": digest, "reason": str(error)})
        archive.writestr(DATA, _json({**content, "files_that_could_not_be_read": missing}))


def files_held(services: Services, user: User) -> dict[str, FileRef]:
    """Return the files an archive has, by digest: those the session refers to, and those of apps.

    Raises StoreUnavailableError or SessionUnavailableError, and AccountError for an app that can't say what it holds.
    """
    session = services.engine.open(user.session_id, user.user_id)
    with reachable():
        return files_of([*session.values.values(), _of_apps(services, person_of(services, user))])


def files_of(values: Iterable[object]) -> dict[str, FileRef]:
    """Return the files that values refer to, by digest, however deep in them."""
    found: dict[str, FileRef] = {}
    for value in values:
        match value:
            case FileRef():
                found[value.digest] = value
            case Mapping():
                found |= files_of(value.values())
            case list() | tuple() | set() | frozenset():
                found |= files_of(value)
    return found


def _held_on(services: Services, user: User, by: Actor) -> tuple[dict[str, Any], dict[str, FileRef]]:
    """Return the content and the files of an export, which the audit trail says was given out."""
    person, accounts = person_of(services, user), services.accounts
    session = services.engine.open(user.session_id, user.user_id)
    values = {path: value for path, value in sorted(session.values.items()) if value is not REMOVED}
    damaged = [each for each in services.engine.quarantined() if each.entry.session_id in person.session_ids]
    with reachable():
        content = {
            "project": services.settings.title,
            "exported_at": services.clock.now(),
            "account": {
                **_account(services, user.user_id),
                "roles": sorted(user.roles),
                "permissions": sorted(user.permissions),
            },
            "browsers": [
                _fields(token, *_OF_A_BROWSER)
                for session_id in person.session_ids
                for token in accounts.browsers.of_session(session_id)
            ],
            "signed_in_before": _rows(services, _SIGNED_IN_BEFORE.where(KnownDeviceModel.user_id == user.user_id)),
            "invitations": _rows(services, _INVITATIONS.where(InvitationModel.invited_by == user.user_id)),
            "audit": _trail(services, user.user_id),
            "submissions": services.submissions.of(person.session_ids),
            "apps": _of_apps(services, person),
        }
        accounts.audit.note("person.exported", by=by, subject=f"person:{user.user_id}")
    files = files_of([*values.values(), content["apps"]])
    content |= {
        "session": values,
        "unreadable": session.unreadable | session.misshapen,
        "quarantine": [
            {"path": each.entry.path, "value": each.entry.value, "reason": each.reason, "at": each.at}
            for each in damaged
        ],
        "files": [
            {"name": ref.name, "type": ref.type, "size": ref.size, "sha256": ref.digest, "in_archive": _place(ref)}
            for ref in files.values()
        ],
    }
    return content, files


def _account(services: Services, user_id: str) -> dict[str, Any]:
    """Return the columns of an account, without those that would help somebody who got hold of the export."""
    columns = [column for column in UserModel.__table__.columns if column.name not in ("password_hash", "epoch")]
    found = _rows(services, select(*columns).where(UserModel.user_id == user_id))
    if not found:
        raise AccountError(entry=GONE)
    return found[0]


def _rows(services: Services, wanted: Select[*tuple[Any, ...]]) -> list[dict[str, Any]]:
    with read_from(services.database) as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def _of_apps(services: Services, person: Person) -> dict[str, object]:
    with Session(services.database) as database:
        return {name: app.held(database, person) for name, app in apps_with_data().items()}


def _trail(services: Services, user_id: str) -> list[dict[str, Any]]:
    """Return what the audit trail says of a person. Whom else it was about, and from where others acted, is theirs."""
    return [_line(line, user_id) for line in services.accounts.audit.find_all(person=user_id)]


def _line(line: Audited, user_id: str) -> dict[str, Any]:
    by_them, about_them = line.actor_id == user_id, line.subject == f"person:{user_id}"
    about_another = line.subject.startswith("person:") and not about_them
    told = _fields(line, "at", "event", *(() if about_another else ("detail",)))
    told["by"] = "you" if by_them else "somebody else" if line.actor_id else "nobody who was signed in"
    told["about"] = "you" if about_them else "somebody else" if about_another else line.subject
    return {**told, **(_fields(line, "address", "device") if by_them else {})}


def _fields(item: object, *names: str) -> dict[str, Any]:
    return {name: getattr(item, name) for name in names}


def _place(ref: FileRef) -> str:
    name = PurePosixPath(ref.name)
    return f"files/{name.stem}-{ref.digest[:12]}{name.suffix}"


def _json(content: Mapping[str, Any]) -> bytes:
    return orjson.dumps(_plain(content), option=orjson.OPT_INDENT_2)


def _plain(value: object) -> object:
    """Return a value as JSON that people read: dates and numbers as text where JSON has no word for them."""
    match value:
        case None | bool() | str() | float():
            return value
        case int():
            return value if abs(value) < 2**53 else str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | UUID() | timedelta():
            return str(value)
        case FileRef():
            return {"file": value.name, "sha256": value.digest, "size": value.size}
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
    try:
        return orjson.loads(encode(value, limit=None))  # pictures and the like, as they are stored
    except NotKeptError:
        return str(value)  # what an app gives that is no plain data
