"""The checks of `doctor` for the identity provider of a project with `AUTH=oidc`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from core.accounts.oidc import EVERYBODY
from core.commands.finding import Finding
from core.settings import MINIMUM_SECRET_LENGTH, PROJECT_ROOT, Settings

_CALLBACK = "/oauth2callback"
_METADATA = "/.well-known/openid-configuration"


def description() -> Finding:
    path = PROJECT_ROOT / ".streamlit" / "secrets.toml"
    try:
        described = tomllib.loads(path.read_text(encoding="utf-8")).get("auth", {}) if path.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        remedy = "Mend .streamlit/secrets.toml; README.md shows its [auth] section."
        return Finding(subject="provider", says=f".streamlit/secrets.toml can't be read: {error}", fix=remedy)
    if fault := provider_fault(described):
        remedy = "Write it into the [auth] section of .streamlit/secrets.toml; README.md shows one."
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


def admission(settings: Settings) -> Finding:
    if EVERYBODY in settings.oidc_allowed:
        return Finding(subject="admission", says="everybody the provider knows may sign in")
    if settings.oidc_allowed or settings.oidc_roles:
        return Finding(subject="admission", says="only whom OIDC_ALLOWED or OIDC_ROLES names may sign in")
    remedy = "Set OIDC_ALLOWED to the e-mail domain of your people, such as @example.com; .env.example explains it."
    return Finding(subject="admission", says="OIDC_ALLOWED and OIDC_ROLES are empty; nobody may sign in", fix=remedy)
