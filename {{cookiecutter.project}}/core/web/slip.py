"""A slip of paper that a browser carries to the identity provider and back: where it came from, and what to say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from streamlit.web.server.starlette.starlette_app_utils import create_signed_value, decode_signed_value

from core.settings import Settings
from core.web.arrival import Outcome

Word = Literal["", "cancelled", "failed", "away", "left_open"] | Outcome
"""Why somebody isn't signed in; empty on the way there."""

_MAX_AGE = 600
"""Seconds somebody may take at the provider."""
_WORD_MAX_AGE = 60
"""Seconds for which a word stays on the page, also when that is loaded anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """`page` is a path of ours, with its parameters; `who` is what to call the person in a word to them."""

    page: str
    word: Word = ""
    who: str = ""

    def header(self, settings: Settings) -> str:
        """Return the value of the `Set-Cookie` header that gives a browser its slip."""
        name, secret = _name(settings), settings.secret_key.get_secret_value()
        value = create_signed_value(secret, name, json.dumps(dataclasses.asdict(self))).decode("ascii")
        return _header(name, value, _WORD_MAX_AGE if self.word else _MAX_AGE, secure=settings.cookie_secure)

    @staticmethod
    def forgetting(settings: Settings) -> str:
        """Return the value of the `Set-Cookie` header that takes it away."""
        return _header(_name(settings), "", 0, secure=settings.cookie_secure)

    @classmethod
    def read(cls, cookies: Mapping[str, str], settings: Settings) -> Slip | None:
        """Return the slip among a browser's cookies; None without one, and for one that isn't ours or is too old."""
        name = _name(settings)
        secret, age = settings.secret_key.get_secret_value(), _MAX_AGE / 86400
        value = decode_signed_value(secret, name, cookies.get(name, ""), max_age_days=age)
        if value is None:
            return None
        try:
            return cls(**json.loads(value))
        except TypeError:
            return None  # given by another version of this project


def _name(settings: Settings) -> str:
    return f"{settings.cookie_name}_slip"


def _header(name: str, value: str, age: int, *, secure: bool) -> str:
    attributes = f"{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax"
    return f"{attributes}; Secure" if secure else attributes
