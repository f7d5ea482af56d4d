"""All settings, read once from the environment, `.env` and `[tool.keep]` of `pyproject.toml`, in that order.

This is the only module that reads the environment. Everything else takes plain values.
"""

from __future__ import annotations

import difflib
import hmac
import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    PyprojectTomlConfigSettingsSource,
    SettingsConfigDict,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from core.errors import ConfigurationError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
# No secret: production refuses it.
PLACEHOLDER_SECRET = "change-me"  # noqa: S105  # nosec B105
MAKE_A_KEY = "openssl rand -base64 32 | tr '+/' '-_'"
MINIMUM_SECRET_LENGTH = 32
_ENCODING = "utf-8-sig"  # UTF-8, with the mark that some editors put before it or without

Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """One attribute per setting; `.env.example` documents each under the same name in capitals."""

    model_config = SettingsConfigDict(
        env_file=PROJECT_ROOT / ".env",
        env_file_encoding=_ENCODING,
        extra="forbid",
        frozen=True,
        pyproject_toml_table_header=("tool", "keep"),
        validate_default=True,
    )

    title: str = Field(default="Streamlit Keep", examples=["Order desk"])
    """The name of the app in the sidebar and the browser tab."""
    environment: Literal["development", "production"] = Field(default="development", examples=["production"])
    secret_key: SecretStr = Field(
        default=SecretStr(PLACEHOLDER_SECRET), examples=["the output of: openssl rand -hex 32"]
    )
    """Signs the browser's session cookie, and names it. Changing it signs everybody out."""
    auth: Literal["password", "oidc", "none"] = Field(default="password", examples=["password"])
    oidc_allowed: Annotated[tuple[str, ...], NoDecode] = Field(default=(), examples=["@example.com"])
    """The provider's users who may sign in: verified addresses, domains with an @, or `*` for everybody."""
    oidc_roles: Annotated[dict[str, str], NoDecode] = Field(default={}, examples=['{"app-admins": "admin"}'])
    """Local roles by the provider's groups, as JSON. Members of such a group may sign in, too."""
    oidc_roles_claim: str = Field(default="groups", min_length=1, examples=["groups"])
    """The claim of the id token that lists a person's groups; a path for a nested one."""
    admin_initial_password: SecretStr | None = Field(default=None, examples=["a long phrase"])
    """The first administrator's password, used once, when the user table is empty."""
    database_url: str = Field(
        default="sqlite:///sessions.db",
        examples=["sqlite:///sessions.db", "postgresql+psycopg://user:password@localhost/name"],
    )
    """An SQLAlchemy address. A relative SQLite path is relative to the project's folder."""
    journal_path: Path = Field(default=Path("journal.db"), examples=["journal.db"])
    """The file in which acknowledged edits wait for the database. One per machine, on a local disk."""
    files_url: str = Field(default="files", examples=["files", "s3://bucket/folder"])
    """The place of uploaded files: a folder, relative to the project's, or an address that fsspec knows."""
    durability: Literal["local", "database"] = Field(default="local", examples=["local"])
    """`local` acknowledges at this machine's journal, `database` after the commit in PostgreSQL."""
    debounce_delay: Seconds = Field(default=2.0, examples=["2.0"])
    """Seconds from the first unsaved edit to the flush into the database."""
    session_timeout: Seconds = Field(default=86400, examples=["86400"])
    """Seconds without activity after which a browser is signed out."""
    session_absolute_timeout: Seconds = Field(default=30 * 86400, examples=["2592000"])
    """Seconds after signing in when a browser is signed out, however active. Nobody's drafts end with it.

    It doesn't hold for a browser nobody signed in with: its token is the only way back to what was written there.
    """
    session_retention: Seconds = Field(default=90 * 86400, examples=["7776000"])
    """Seconds after their last activity for which a signed-in person's drafts are kept."""
    session_encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), examples=[f"the output of: {MAKE_A_KEY}"]
    )
    """Fernet keys, separated by commas: the first encrypts stored values, all decrypt. None: not encrypted."""
    cookie_secure: bool = Field(default=False, examples=["true"])
    """True behind HTTPS: the cookie gets `Secure` and the `__Host-` prefix. Required in production."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(default=(), examples=["app.example.com"])
    """Names the server answers to, besides its own and addresses of digits; `*.example.com` for all below one."""
    content_sources: str = Field(default="", examples=["img-src https://images.example"])
    """Additions to the content security policy: what pages may load, or be framed by, besides their own server."""
    drain_seconds: float = Field(default=0.0, ge=0, examples=["5"])
    """Seconds between SIGTERM and the end, while `/keep/ready` says 503 and a load balancer sends people elsewhere."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", examples=["INFO"])

    _root: ClassVar[Path] = PROJECT_ROOT

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        pyproject = PyprojectTomlConfigSettingsSource(settings_cls, PROJECT_ROOT / "pyproject.toml")
        return init_settings, env_settings, dotenv_settings, pyproject

    @field_validator("session_encryption_keys", "oidc_allowed", "allowed_hosts", mode="before")
    @classmethod
    def _separate(cls, value: Any) -> Any:
        return [each for each in re.split(r"[,\s]+", value) if each] if isinstance(value, str) else value

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _read_json(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value or "{}")
        except ValueError as error:
            raise ValueError("it should be valid JSON") from error

    @model_validator(mode="after")
    def _check_together(self) -> Settings:
        problems: list[str] = []
        try:
            backend = make_url(self.database_url).get_backend_name()
        except ArgumentError:
            problems.append(_problem("DATABASE_URL", "is no database address"))
        else:
            if backend not in ("sqlite", "postgresql"):
                reason = f"names {backend!r}, but only sqlite and postgresql are supported"
                problems.append(_problem("DATABASE_URL", reason))
            elif self.durability == "database" and backend == "sqlite":
                problems.append(_problem("DURABILITY", "is 'database', which needs PostgreSQL in DATABASE_URL"))
        for number, key in enumerate(self.session_encryption_keys, start=1):
            if not _is_fernet_key(key.get_secret_value()):
                reason = f"is wrong: key {number} of {len(self.session_encryption_keys)} is no Fernet key"
                problems.append(_problem("SESSION_ENCRYPTION_KEYS", f"{reason} (32 random bytes in URL-safe base64)"))
        secret = self.secret_key.get_secret_value()
        if self.environment == "production":
            if secret.startswith(PLACEHOLDER_SECRET) or len(secret) < MINIMUM_SECRET_LENGTH:
                reason = f"is a placeholder or shorter than {MINIMUM_SECRET_LENGTH} characters"
                problems.append(_problem("SECRET_KEY", f"{reason}, which production refuses"))
            if not self.cookie_secure:
                problems.append(_problem("COOKIE_SECURE", "must be true in production, which needs HTTPS"))
        if problems:
            raise ConfigurationError(problems)
        return self

    @property
    def resolved_database_url(self) -> str:
        """`database_url` with a relative SQLite path made absolute."""
        url = make_url(self.database_url)
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            url = url.set(database=str(self._root / url.database))
        return url.render_as_string(hide_password=False)

    @property
    def resolved_journal_path(self) -> Path:
        return self._root / self.journal_path

    @property
    def encryption_keys(self) -> list[str]:
        """`session_encryption_keys` in the clear."""
        return [key.get_secret_value() for key in self.session_encryption_keys]

    @property
    def first_password(self) -> str | None:
        """`admin_initial_password`, but for the placeholder, which everybody knows."""
        password = self.admin_initial_password.get_secret_value() if self.admin_initial_password else None
        return None if password is None or password.startswith(PLACEHOLDER_SECRET) else password

    @property
    def cookie_name(self) -> str:
        """The name of the session cookie: one for each secret key, and so for each installation.

        Cookies of one host are shared by all its ports and paths. A title would not do: two may be the same, and
        it may change. Who changes the key ends all tokens anyway.
        """
        mark = hmac.digest(self.secret_key.get_secret_value().encode(), b"cookie name", "sha256").hex()[:12]
        return f"__Host-keep_{mark}" if self.cookie_secure else f"keep_{mark}"


@cache
def get_settings() -> Settings:
    """Return the settings of this process; the first call reads them.

    Raises ConfigurationError with one sentence per unknown or invalid setting.
    """
    problems = _unknown_names()
    try:
        settings = Settings()
    except ValidationError as error:
        problems += [_describe(finding) for finding in error.errors() if finding["type"] != "extra_forbidden"]
    except ConfigurationError as error:
        problems += error.problems
    else:
        if not problems:
            return settings
    raise ConfigurationError(problems)


def trusted_proxies() -> str:
    """Return from which addresses `X-Forwarded-For` is believed: uvicorn's own variable, else this machine's."""
    return os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1,::1")


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _unknown_names() -> list[str]:
    """Return one sentence for each name in `.env` that is no setting. Raises ConfigurationError if it can't be read."""
    known = [name.upper() for name in Settings.model_fields]
    problems = []
    for name in sorted(name for name in _names_in_file() if name.upper() not in known):
        close = difflib.get_close_matches(name.upper(), known, n=1)
        remedy = f"Did you mean {close[0]}?" if close else "Remove it; .env.example lists every setting."
        problems.append(f"{name} in .env is no setting of this project. {remedy}")
    return problems


def _names_in_file() -> list[str]:
    path = Path(str(Settings.model_config["env_file"]))
    try:
        return [*dotenv_values(path, encoding=_ENCODING)] if path.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        problem = f".env can't be read ({error}). It must be text in UTF-8 that only its owner may read."
        raise ConfigurationError([problem]) from error


def _describe(finding: Any) -> str:
    # What follows tells of the attempt to read it, and is of no help.
    reason = (finding["msg"][0].lower() + finding["msg"][1:]).partition(", unable to parse")[0]
    return _problem(str(finding["loc"][0]).upper(), f"is {finding['input']!r}, but {reason}")


def _problem(name: str, problem: str) -> str:
    """Return a sentence about a setting, with an example of a right value."""
    example = (Settings.model_fields[name.lower()].examples or ["…"])[0]
    return f"{name} {problem}. Example: {name}={example}"
