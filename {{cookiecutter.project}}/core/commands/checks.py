"""The checks of `doctor` that open no database: settings, folders, the provider, pages, the engine and Streamlit."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from sqlalchemy.engine import make_url

from core.accounts.oidc import EVERYBODY
from core.commands.discovered import discover_quietly
from core.pages import open_to_everybody
from core.scripts.manifest import describe
from core.settings import (
    MINIMUM_SECRET_LENGTH,
    PLACEHOLDER_SECRET,
    PROJECT_ROOT,
    Settings,
)
from core.streamlit_compat.features import broken

_LITTLE_ROOM = 100 * 2**20
_CALLBACK = "/oauth2callback"
_METADATA = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at. `fix` is None where nothing is wrong."""

    subject: str
    says: str
    fix: str | None = None


def check_project(settings: Settings) -> Iterator[Finding]:
    """Look at everything that is found out without the journal and the database."""
    yield Finding(subject="settings", says=f"{settings.environment}, auth={settings.auth}")
    yield _secret(settings)
    yield _env_file()
    yield from _unwritable(settings)
    yield from _room(settings)
    if settings.environment == "production":
        yield _names(settings)
    if settings.auth == "oidc":
        yield _provider()
        yield _admission(settings)
    yield from check_pages()
    yield from _engine()
    yield from _streamlit()


def _secret(settings: Settings) -> Finding:
    subject, secret = "secret key", settings.secret_key.get_secret_value()
    remedy = "Run: openssl rand -hex 32, and put what it prints behind SECRET_KEY= in .env"
    if secret.startswith(PLACEHOLDER_SECRET):
        return Finding(subject=subject, says="SECRET_KEY is the placeholder; anybody could forge a cookie", fix=remedy)
    if len(secret) < MINIMUM_SECRET_LENGTH:
        return Finding(
            subject=subject, says=f"SECRET_KEY is shorter than {MINIMUM_SECRET_LENGTH} characters", fix=remedy
        )
    return Finding(subject=subject, says="random and long enough")


def _env_file() -> Finding:
    path = PROJECT_ROOT / ".env"
    if not path.is_file():
        return Finding(subject=".env", says="absent; the settings come from the environment")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return Finding(subject=".env", says=f"others may read it (mode {mode:o})", fix="Run: chmod 600 .env")
    return Finding(subject=".env", says="readable by its owner only")


def _unwritable(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each folder that data go to, unless it can be written or made."""
    for name, path in _data(settings):
        folder = next(place for place in (path, *path.parents) if place.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            remedy = f"Make {folder} a folder this user can write to, or name another one in {name}."
            yield Finding(subject="folders", says=f"{path}, of {name}, can't be written", fix=remedy)


def _room(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each disk that data go to on which there is hardly room left."""
    by_disk: dict[int, tuple[list[str], Path, int]] = {}
    for name, path in _data(settings):
        folder = next(place for place in (path, *path.parents) if place.exists())
        disk = os.statvfs(folder)
        by_disk.setdefault(folder.stat().st_dev, ([], folder, disk.f_bavail * disk.f_frsize))[0].append(name)
    for names, folder, free in by_disk.values():
        if free < _LITTLE_ROOM:
            says = f"{free / 2**20:.0f} MB are free on the disk of {folder}, for {', '.join(names)}"
            remedy = f"Make room on that disk, {_LITTLE_ROOM / 2**20:.0f} MB at least: without it nothing can be kept."
            yield Finding(subject="disk", says=says, fix=remedy)


def _data(settings: Settings) -> Iterator[tuple[str, Path]]:
    if settings.durability == "local":
        yield "JOURNAL_PATH", settings.resolved_journal_path.parent
    database = make_url(settings.resolved_database_url)
    if database.get_backend_name() == "sqlite" and database.database not in (None, "", ":memory:"):
        yield "DATABASE_URL", Path(str(database.database)).parent
    if "://" not in settings.files_url:
        yield "FILES_URL", PROJECT_ROOT / settings.files_url


def _names(settings: Settings) -> Finding:
    if settings.allowed_hosts:
        return Finding(subject="names", says=f"the server answers to {', '.join(settings.allowed_hosts)}")
    remedy = "Set ALLOWED_HOSTS to the name people reach it by, such as app.example.com."
    return Finding(subject="names", says="ALLOWED_HOSTS is empty; the server answers to no public name", fix=remedy)


def _provider() -> Finding:
    path = PROJECT_ROOT / ".streamlit" / "secrets.toml"
    try:
        described = tomllib.loads(path.read_text(encoding="utf-8")).get("auth", {}) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        remedy = "Mend .streamlit/secrets.toml; docs/identity-provider.md shows its [auth] section."
        return Finding(subject="provider", says=f".streamlit/secrets.toml can't be read: {error}", fix=remedy)
    if fault := provider_fault(described):
        remedy = "Write it into the [auth] section of .streamlit/secrets.toml; docs/identity-provider.md shows one."
        return Finding(subject="provider", says=fault, fix=remedy)
    return Finding(subject="provider", says="described in .streamlit/secrets.toml")


def provider_fault(described: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the `[auth]` section that describes a provider; None where nothing is."""
    named = described.get("default")
    described = {**described, **named} if isinstance(named, Mapping) else described
    if not described:
        return "AUTH is oidc, but no provider is described"
    wanted = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
    if missing := [name for name in wanted if not described.get(name)]:
        return f"lacks {', '.join(missing)}"
    if not str(described["redirect_uri"]).endswith(_CALLBACK):
        return f"redirect_uri doesn't end with {_CALLBACK}"
    if len(str(described["cookie_secret"])) < MINIMUM_SECRET_LENGTH or " " in str(described["cookie_secret"]):
        return f"cookie_secret is a placeholder or shorter than {MINIMUM_SECRET_LENGTH} characters"
    if _METADATA not in str(described["server_metadata_url"]):
        return f"server_metadata_url has no {_METADATA} in it"
    return None


def _admission(settings: Settings) -> Finding:
    if EVERYBODY in settings.oidc_allowed:
        return Finding(subject="admission", says="everybody the provider knows may sign in")
    if settings.oidc_allowed or settings.oidc_roles:
        return Finding(subject="admission", says="only whom OIDC_ALLOWED or OIDC_ROLES names may sign in")
    remedy = "Set OIDC_ALLOWED to the e-mail domain of your people, such as @example.com; .env.example explains it."
    return Finding(subject="admission", says="OIDC_ALLOWED and OIDC_ROLES are empty; nobody may sign in", fix=remedy)


def check_pages(*packages: str) -> Iterator[Finding]:
    """Yield a finding for each page that is broken, and one for those that are open to everybody."""
    subject, specs = "pages", discover_quietly(*packages)
    broken = [(spec, spec.fault) for spec in specs if spec.fault is not None]
    for spec, fault in broken:
        fix = f"Mend {fault.file}. The others go on working meanwhile."
        says = f"/{spec.name} is broken: {fault.file}, line {fault.line}: {fault.summary}"
        yield Finding(subject=subject, says=says, fix=fix)
    if names := open_to_everybody(specs):
        says = f"{', '.join(names)}: no @requires, so open to everybody who is let in"
        yield Finding(subject=subject, says=says)
    elif not broken:
        yield Finding(subject=subject, says=f"{len(specs)}, none of them broken")


def _engine() -> Iterator[Finding]:
    """Name the version, and the files of the engine that are not as the template gave them."""
    yield Finding(subject="engine", says=describe(PROJECT_ROOT))


def _streamlit() -> Iterator[Finding]:
    """Test what the engine relies on in Streamlit (see `core.streamlit_compat`)."""
    for feature, moved in broken().items():
        says = f"{st.__version__} has changed, so {feature.value} ({moved})"
        yield Finding(
            subject="Streamlit", says=says, fix="Install the version in requirements.lock: rm -r .venv && make setup"
        )
    if not broken():
        yield Finding(subject="Streamlit", says=f"{st.__version__} is as the engine expects it")
