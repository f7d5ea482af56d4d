"""What a request is: its steps, what each asks for, and what happens when it is submitted."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import cache
from core.errors import StoreUnavailableError
from core.services import get_services
from core.session_manager import SessionManager

FORM = "intake"
"""The form that holds the draft. What is submitted is stored under a form of its own: `intake-<number>`."""

SITES = ["Harbour", "Northside", "Old Mill", "Riverbank"]
KINDS = ["New equipment", "Repair", "Move", "Service"]
CATEGORIES = ["Laptop", "Monitor", "Lab instrument", "Furniture", "Network", "Software"]
EXTRAS = ["Docking station", "Headset", "Training", "Extended warranty", "On-site setup"]
IMPACTS = ["Nobody waits", "A colleague waits", "A team waits", "Work has stopped"]
URGENCIES = ["When it suits", "This month", "This week", "Today"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One screen of the form. `required` maps a field to what to say when it is empty."""

    name: str
    title: str
    icon: str
    required: Mapping[str, str]

    def errors(self, values: Mapping[str, Any]) -> dict[str, str]:
        """What is missing, by field."""
        return {field: message for field, message in self.required.items() if not values.get(field)}


STEPS = [
    Step(
        name="contact",
        title="Contact",
        icon=":material/person:",
        required={"name": "Say who asks.", "site": "Choose a site."},
    ),
    Step(
        name="need",
        title="Need",
        icon=":material/inventory_2:",
        required={"kind": "Choose what it is about.", "reason": "Say what it is for."},
    ),
    Step(
        name="schedule",
        title="Schedule",
        icon=":material/event:",
        required={"agreed": "Confirm that the budget is agreed."},
    ),
    Step(name="review", title="Review", icon=":material/fact_check:", required={}),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A submitted request."""

    number: str
    values: Mapping[str, Any]
    at: datetime


def errors(values: Mapping[str, Any]) -> dict[str, str]:
    """What is missing in all steps, by field."""
    return {field: message for step in STEPS for field, message in step.errors(values).items()}


def submit(manager: SessionManager) -> str:
    """Save the draft as a request and empty the form. Returns the request's number.

    The number is part of the draft, so submitting twice (a retry, a second tab) stores one request.
    """
    draft = manager.session.form(FORM).values
    if "number" not in draft:
        manager.persist_field(FORM, "number", f"R-{secrets.token_hex(3).upper()}")
        draft = manager.session.form(FORM).values
    number: str = draft["number"]
    manager.save_form(f"{FORM}-{number}", draft)
    manager.session.finish_form(FORM)
    with suppress(StoreUnavailableError):  # then it is in the journal, and in the charts later
        get_services().engine.flush()
    cache.invalidate("requests*")
    return number


def submitted(manager: SessionManager) -> list[Request]:
    """This person's requests, newest first."""
    found = [
        Request(number=form_id.removeprefix(f"{FORM}-"), values=form.saved, at=form.saved_at)
        for form_id, form in manager.session.form_states.items()
        if form_id.startswith(f"{FORM}-") and form.saved_at
    ]
    return sorted(found, key=lambda request: request.at, reverse=True)
