"""Every error this project raises on purpose. Each names what is wrong and the remedy."""

from __future__ import annotations

from core.words import FALLBACK, Words, words_in


class KeepError(Exception):
    """Base of all errors raised by `core`."""


class ConfigurationError(KeepError):
    """Settings are missing, unknown or invalid. `problems` holds one sentence per finding."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The configuration can't be used:\n{lines}")


class SchemaError(KeepError):
    """The database's tables can't be brought up to date. `says` is why, without a full stop, `remedy` what to do."""

    def __init__(self, says: str, remedy: str) -> None:
        self.says, self.remedy = says, remedy
        super().__init__(f"{says}. {remedy}")


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


class SignedOutError(NotKeptError):
    """The right of a browser to its session has ended meanwhile."""

    def __init__(self) -> None:
        super().__init__("", "you were signed out meanwhile", "Sign in and enter it again.")


class RefusedError(KeepError):
    """A form's `on_save` won't store what was entered. The message is told to the person as it is written."""


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


class StoreRefusesError(StoreUnavailableError):
    """The database's server answers, but doesn't let us in: a wrong user, password or name, or it is just starting."""


class MissingMigrationError(StoreUnavailableError):
    """The database answers, but lacks a table or a column. The message says which, and what to run."""


class StoreDamagedError(StoreUnavailableError):
    """The database's file is damaged, so what is in it can't be had."""


class StatementRefusedError(KeepError):
    """The database answers, but refuses a statement: it can't hold a value, say."""


class RowConflictError(StatementRefusedError):
    """A row contradicts another one: a name that has to be unique is taken, or what it refers to isn't there."""


class FilesUnavailableError(KeepError):
    """The storage of files can't be reached now, or lacks a file."""


class JournalError(KeepError):
    """The journal could not be written, so the edit was not acknowledged."""


class ThrottledError(KeepError):
    """Too many passwords were tried lately. `seconds` is how long until one may be tried again, at least 1."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"Too many attempts. Try again in {seconds} seconds.")


class UncheckedPasswordError(KeepError):
    """A password could not be checked, so nobody was let in. What is wrong is in the log."""


class AccountError(KeepError):
    """A user, role or password can't be changed as asked. `entry` names the text that says why, if it is translated."""

    def __init__(self, text: str = "", *, entry: str = "", **values: object) -> None:
        self._entry, self._values = entry, values
        super().__init__(text or words_in(FALLBACK)(entry, **values))

    def said(self, say: Words) -> str:
        """Return the message for the person."""
        return say(self._entry, **self._values) if self._entry else str(self)


class UsernameTakenError(AccountError):
    """The username belongs to another account."""


class InvalidLinkError(AccountError):
    """A link admits nobody: it was used, withdrawn, is too old, or never was one."""


class LastAdministratorError(AccountError):
    """A change would leave nobody who may give others their rights."""


def message_of(error: BaseException) -> str:
    """Return an error's message; of one whose own code fails at it, what Python says in a traceback."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever it is: the error itself is what has to be told
        return "<exception str() failed>"
