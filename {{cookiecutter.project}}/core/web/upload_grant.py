"""The permission to upload one file, signed into the address that a page is given for it.

The page's server signs it when the page asks where to put a file. Whichever server the file comes to needs no memory of
the page: the address says all that is to be checked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.signing import read_signed, signed

PARAMETER = "grant"
"""The part of the address's query that holds it."""
_VALID = timedelta(hours=6)
"""All files that are chosen together get their addresses at once, and go up one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadGrant:
    """One upload of one browser. `needs` are the permissions without which its page can't be seen."""

    needs: Collection[str]
    kept: bool
    """True if a field of the page keeps what its widgets take."""

    def sign(self, address: str, file: str, browser: str, now: datetime, secret: str) -> str:
        """Return the address of a file with this grant, for the browser whose token has this hash.

        `file` are Streamlit's ids of the page's session and of the file, as the address ends in them.
        """
        content = [int(now.timestamp()), self.kept, *self.needs]
        return f"{address}?{PARAMETER}={signed(content, secret, 'upload', f'{browser}/{file}')}"

    @classmethod
    def open(cls, text: str, file: str, browser: str, now: datetime, secret: str) -> UploadGrant | None:
        """Read a grant; None for one that was not given for this file to this browser, or too long ago."""
        match read_signed(text, secret, "upload", f"{browser}/{file}"):
            case [int(given), bool(kept), *needs] if now.timestamp() - given < _VALID.total_seconds():
                return cls(needs=[str(need) for need in needs], kept=kept)
        return None
