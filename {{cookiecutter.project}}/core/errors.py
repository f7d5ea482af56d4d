"""Every error this project raises on purpose. Each names what is wrong and the remedy."""

from __future__ import annotations


class KeepError(Exception):
    """Base of all errors raised by `core`."""


class ConfigurationError(KeepError):
    """Settings are missing, unknown or invalid. `problems` holds one sentence per finding."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The configuration can't be used:\n{lines}")


class NoSessionError(KeepError):
    """A session was asked for outside a script run, or before `bootstrap_session()`."""


class SessionUnavailableError(KeepError):
    """The session exists but can't be read now, so it must not be replaced by an empty one."""


class NotKeptError(KeepError):
    """A value can't be stored exactly, so it was refused and the previous one is intact.

    `path` is where in the value the trouble is, `reason` what it is, `remedy` what to do.
    """

    def __init__(self, path: str, reason: str, remedy: str) -> None:
        self.path, self.reason, self.remedy = path, reason, remedy
        super().__init__(f"{path}: {reason}. {remedy}" if path else f"{reason}. {remedy}")


class NotKeptNowError(NotKeptError):
    """Nothing can be kept at the moment: neither journal nor database takes an edit. It is worth trying again."""

    def __init__(self) -> None:
        super().__init__("", "The server can't keep anything at the moment", "What was there before is intact.")


class CorruptValueError(KeepError):
    """A stored value is damaged: it is not what was written."""


class UnreadableValueError(KeepError):
    """A stored value is intact, but can't be read here: from a newer version, or its key is missing."""


class NotAllowedError(KeepError):
    """The person lacks a permission. `permission` names it."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__(f"This needs the permission {permission!r}, which you don't have.")


class UnknownSnapshotError(KeepError):
    """A form snapshot was asked for that doesn't exist, or no longer does."""


class StoreUnavailableError(KeepError):
    """The database can't be reached now. Edits go on into the journal."""


class JournalError(KeepError):
    """The journal could not be written, so the edit was not acknowledged."""


class AccountError(KeepError):
    """A user, role or password can't be changed as asked. The message says why, in words for the person."""
