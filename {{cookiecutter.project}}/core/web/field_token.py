"""The token by which a page may write the draft of one field. It says how its text is read.

It is signed for the session its page was rendered for. So the route that takes drafts needs no memory of what
was rendered: it counts after a restart and on any replica, for that session and that field only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

from core.signing import read_signed, sign, signed
from core.state.text_rules import TextKind, TextRule

_KINDS = get_args(TextKind)
_REMEMBERED = 10_000
"""Tags that are not made again: each run needs one for each field it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldToken:
    """One field of one form, and how the text typed into it becomes its value."""

    form: str
    field: str
    rule: TextRule

    def issue(self, session_id: str, secret: str) -> str:
        """Return the token as ASCII text that only this session's browsers can use."""
        rule = self.rule
        content = [self.form, self.field, rule.kind, rule.optional, rule.longest, rule.low, rule.high]
        return signed(content, secret, "draft", session_id)

    @classmethod
    def open(cls, text: str, session_id: str, secret: str) -> FieldToken | None:
        """Read a token; None for one that was not issued for this session."""
        match read_signed(text, secret, "draft", session_id):
            case [str(form), str(field), kind, bool(optional), longest, low, high] if kind in _KINDS:
                rule = TextRule(kind=kind, optional=optional, longest=longest, low=low, high=high)
                return cls(form=form, field=field, rule=rule)
        return None  # issued by another version of this project


@lru_cache(maxsize=_REMEMBERED)
def owner_tag(session_id: str, secret: str) -> str:
    """Return 22 characters by which a browser tells its people apart. They reveal nothing of the session."""
    return sign(secret, "who", session_id)[:22]
