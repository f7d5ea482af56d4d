"""A stand-in for a stored value whose type doesn't exist in this version of the project."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A stored value, or a part of one, of a type that isn't here: its Enum was renamed, or its library is missing.

    It is stored again as it was, so it comes back with its type. `str` names it for a person.
    """

    text: str
    """As it is stored."""
    name: str = field(compare=False)
    """Its own, such as that of an Enum's member, where it has one."""
    reason: str = field(compare=False)
    """The reason for developers."""

    def __str__(self) -> str:
        return self.name
