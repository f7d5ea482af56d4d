"""The engine's tables, for SQLite and PostgreSQL. Changing one needs a revision in `core/migrations/versions/`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Integer, MetaData, String, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

# Stamps and paths are compared as bytes. PostgreSQL would otherwise sort them by the locale.
_Bytewise = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite has no zones, so the zone is checked on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; use datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Common metadata, with constraint names fixed so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UTCDateTime}


class SessionModel(Base):
    """The header of a session. Everything in it follows from the session's entries."""

    __tablename__ = "sessions"

    session_id: Mapped[str] = mapped_column(_Bytewise, primary_key=True)
    user_id: Mapped[str | None] = mapped_column(Text, index=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_activity: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    version: Mapped[int] = mapped_column(BigInteger)
    """Grows by one with every flush that touches the session; readers fetch what came after theirs."""
    purged_at: Mapped[datetime | None]
    """Set when the session was deleted; a late flush must not bring it back."""
    merged_into: Mapped[str | None] = mapped_column(_Bytewise)
    """The session that has what this one had, and gets what reaches it late."""
    forgotten: Mapped[str] = mapped_column(_Bytewise, server_default="")
    """The stamp up to which removed paths that come and go are forgotten; what is older finds no place any more."""


class EntryModel(Base):
    """One path of one session. `value` is sealed (see `core.storage.envelope`), also where the path was removed."""

    __tablename__ = "entries"

    session_id: Mapped[str] = mapped_column(
        _Bytewise, ForeignKey("sessions.session_id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(_Bytewise, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    stamp: Mapped[str] = mapped_column(_Bytewise)
    base: Mapped[str] = mapped_column(_Bytewise)
    version: Mapped[int] = mapped_column(BigInteger)
    """The session's version in which this entry was written."""

    __table_args__ = (Index("ix_entries_session_id_version", "session_id", "version"),)


class QuarantineModel(Base):
    """An entry that was found damaged. No foreign key: its `session_id` may be the damaged part."""

    __tablename__ = "quarantine"

    session_id: Mapped[str] = mapped_column(_Bytewise, primary_key=True)
    path: Mapped[str] = mapped_column(_Bytewise, primary_key=True)
    stamp: Mapped[str] = mapped_column(_Bytewise, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    base: Mapped[str] = mapped_column(_Bytewise)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class LeaseModel(Base):
    """Work that only one process at a time may do; whoever holds it may until `until`."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]


class VersionModel(Base):
    """A name that cached results depend on, or a pattern of such names, and a number that grows when that changed."""

    __tablename__ = "versions"

    name: Mapped[str] = mapped_column(_Bytewise, primary_key=True)
    is_pattern: Mapped[bool]
    version: Mapped[int] = mapped_column(BigInteger)


class FileModel(Base):
    """A kept file. `unused_since` is when nothing referred to it any more, as far as it was looked at."""

    __tablename__ = "files"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    unused_since: Mapped[datetime | None]


class FileClaimModel(Base):
    """Something outside of all sessions needs a file; `holder` names it, such as `requests:R-17`."""

    __tablename__ = "file_claims"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(_Bytewise, primary_key=True, index=True)


class SubmissionModel(Base):
    """A form was saved together with tables of the team's own. `key` is part of the draft until then."""

    __tablename__ = "submissions"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    form: Mapped[str] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)
    """The value that the team's code returned, such as the number of its new row."""
    at: Mapped[datetime] = mapped_column(index=True)
    session_id: Mapped[str] = mapped_column(_Bytewise, index=True, default="", server_default="")
    """The id of the person who submitted it."""


class UserModel(Base):
    """A person who may sign in."""

    __tablename__ = "users"

    user_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    username: Mapped[str] = mapped_column(Text, unique=True)
    """Lower case; what the person types (password), or the provider's subject (OIDC)."""
    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    epoch: Mapped[int] = mapped_column(Integer, default=1)
    """Grows whenever this person's rights or password change; a token of an older epoch is refused."""
    session_id: Mapped[str] = mapped_column(_Bytewise)
    """The one session that holds this person's state, on every device."""
    created_at: Mapped[datetime]
    last_sign_in: Mapped[datetime | None]


class RoleModel(Base):
    """A named set of permissions, one per line, wildcards allowed (`orders.*`)."""

    __tablename__ = "roles"

    role: Mapped[str] = mapped_column(String(64), primary_key=True)
    description: Mapped[str] = mapped_column(Text, default="")
    permissions: Mapped[str] = mapped_column(Text, default="")
    declared: Mapped[str | None] = mapped_column(Text)
    """The permissions that the code has ever declared for it, likewise; None before that was first noted."""


class UserRoleModel(Base):
    """A person has a role."""

    __tablename__ = "user_roles"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(ForeignKey("roles.role", ondelete="CASCADE"), primary_key=True)


class TokenModel(Base):
    """One browser's right to one session. The token itself is never stored, only its SHA-256."""

    __tablename__ = "tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = mapped_column(_Bytewise, index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.user_id", ondelete="CASCADE"), index=True)
    epoch: Mapped[int] = mapped_column(Integer, default=0)
    device: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    last_seen: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None] = mapped_column()

    __table_args__ = (
        Index(
            "ix_tokens_in_use",
            "last_seen",
            "token_hash",
            sqlite_where=revoked_at.is_(None),
            postgresql_where=revoked_at.is_(None),
        ),
    )


class InvitationModel(Base):
    """A link by which one person may come and choose a username and a password. Its row goes when it is used."""

    __tablename__ = "invitations"

    invitation_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the secret in the link."""
    label: Mapped[str] = mapped_column(Text)
    """For whom it is: a name or an e-mail address, as whoever invited wrote it."""
    roles: Mapped[str] = mapped_column(Text)
    """Separated by spaces."""
    invited_by: Mapped[str | None] = mapped_column(ForeignKey("users.user_id", ondelete="CASCADE"), index=True)
    """NULL: from the command line."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AttemptModel(Base):
    """The recent use of one allowance: of a name, of a name in a known device, or of a network address."""

    __tablename__ = "attempts"

    allowance: Mapped[str] = mapped_column(String(64), primary_key=True)
    """A keyed hash: who mistypes a password into the field of the name leaves nothing readable."""
    times: Mapped[str] = mapped_column(Text)
    """Milliseconds since 1970, oldest first, separated by spaces."""
    until: Mapped[datetime] = mapped_column(index=True)
    """From then on none of them counts."""


class KnownDeviceModel(Base):
    """A person has signed in before in this browser. Follows the browser's token when that is exchanged."""

    __tablename__ = "known_devices"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True, index=True)
    last_sign_in: Mapped[datetime] = mapped_column(index=True)


class AuditModel(Base):
    """One event of the audit trail. The database itself refuses to change or remove one (see core_0001)."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(32))
    actor_id: Mapped[str | None] = mapped_column(String(32))
    """The person who did it; no foreign key, because the trail outlives people."""
    subject: Mapped[str] = mapped_column(Text)
    """To whom or what, such as `person:<id>`, `role:<name>` or `session:<id>`."""
    detail: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    device: Mapped[str] = mapped_column(Text)


class ProjectFactModel(Base):
    """Something that is known of the project as a whole, by its name."""

    __tablename__ = "project_facts"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


ENGINE_TABLES = frozenset(Base.metadata.tables)
"""The names of all tables above. The metadata gets those of the project's apps, too."""
