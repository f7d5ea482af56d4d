"""A model says what is wrong with a form; a person is told in their language, and told once a field."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, AnyUrl, BaseModel, Field, PastDate, create_model, field_validator, model_validator

from core.ui.validation import WHOLE_FORM, check
from core.words import Words

ENGLISH, GERMAN = Words("en"), Words("de")


class Colour(Enum):
    RED = "red"


class Stay(BaseModel):
    name: str
    note: str = ""
    nights: int | None = None
    first: date
    last: date

    @field_validator("name")
    @classmethod
    def has_a_capital(cls, name: str) -> str:
        if name.islower():
            raise ValueError("A name begins with a capital.")
        return name

    @model_validator(mode="after")
    def ends_after_it_begins(self) -> Stay:
        if self.last < self.first:
            raise ValueError("It ends before it begins.")
        return self


GOOD = {"name": "Ada", "first": date(2026, 1, 1), "last": date(2026, 1, 2)}


def said(values: dict[str, Any], say: Words = ENGLISH) -> dict[str, str]:
    return check(Stay, values).messages(say)


def test_what_is_right_becomes_the_model_s_instance() -> None:
    checked = check(Stay, {**GOOD, "not the model's": 1})
    assert checked.value == Stay(name="Ada", first=date(2026, 1, 1), last=date(2026, 1, 2))
    assert checked.problems == ()


def test_every_field_is_told_apart_in_the_model_s_order_and_language() -> None:
    assert list(said({"name": "ada"}).items()) == [
        ("name", "A name begins with a capital."),
        ("first", "Please fill this in."),
        ("last", "Please fill this in."),
    ]
    assert said({}, GERMAN)["name"] == "Bitte ausfüllen."


def test_fields_that_contradict_each_other_are_the_whole_form_s() -> None:
    assert said({**GOOD, "last": date(2025, 1, 1)}) == {WHOLE_FORM: "It ends before it begins."}


@pytest.mark.parametrize("blank", ["", "   ", "\n", None])
def test_nothing_is_no_answer(blank: object) -> None:
    assert said({**GOOD, "name": blank}) == {"name": "Please fill this in."}
    checked = check(Stay, {**GOOD, "note": blank, "nights": blank})
    assert checked.value is not None
    assert (checked.value.note, checked.value.nights) == ("", None)


def test_a_default_is_not_put_back_into_a_field_that_was_emptied() -> None:
    greeting = create_model("Greeting", text=(str, "Hello"), tags=(list[str], Field(default_factory=list)))
    assert check(greeting, {"text": "", "tags": None}).messages(ENGLISH) == {"text": "Please fill this in."}
    assert check(greeting, {}).problems == ()


def rather(value: str) -> str:
    raise AssertionError("Rather not.")


WRONG: list[tuple[Any, Any, str, str]] = [
    (Literal[True], False, "Select this to continue.", "Bitte ankreuzen, um fortzufahren."),
    (Literal["a", "b"], "c", "Choose one of the options.", "Bitte eine der Optionen auswählen."),
    (Colour, "blue", "Choose one of the options.", "Bitte eine der Optionen auswählen."),
    (str, 5, "Enter a text.", "Bitte einen Text eingeben."),
    (Annotated[str, Field(min_length=3)], "ab", "Use at least 3 characters.", "Bitte mindestens 3 Zeichen."),
    (Annotated[str, Field(max_length=3)], "abcd", "Use at most 3 characters.", "Bitte höchstens 3 Zeichen."),
    (
        Annotated[str, Field(pattern="^x$")],
        "y",
        "This doesn't have the required format.",
        "Das hat nicht das verlangte Format.",
    ),
    (int, "twelve", "Enter a whole number.", "Bitte eine ganze Zahl eingeben."),
    (int, 1.5, "Enter a whole number.", "Bitte eine ganze Zahl eingeben."),
    (float, "much", "Enter a number.", "Bitte eine Zahl eingeben."),
    (Annotated[float, Field(gt=1)], 0.5, "Enter more than 1.", "Bitte mehr als 1 eingeben."),
    (Annotated[int, Field(ge=2)], 1, "Enter 2 or more.", "Bitte 2 oder mehr eingeben."),
    (Annotated[float, Field(lt=1.5)], 2, "Enter less than 1.5.", "Bitte weniger als 1,5 eingeben."),
    (Annotated[int, Field(le=3)], 4, "Enter 3 or less.", "Bitte 3 oder weniger eingeben."),
    (Annotated[int, Field(multiple_of=5)], 4, "Enter a multiple of 5.", "Bitte ein Vielfaches von 5 eingeben."),
    (
        Annotated[Decimal, Field(decimal_places=2)],
        "1.234",
        "Use at most 2 decimal",
        "Bitte höchstens 2 Nachkommastellen",
    ),
    (Annotated[list[str], Field(min_length=1)], [], "Choose at least 1.", "Bitte mindestens 1 auswählen."),
    (Annotated[list[str], Field(max_length=1)], ["a", "b"], "Choose at most 1.", "Bitte höchstens 1 auswählen."),
    (
        list[Stay],
        [{**GOOD, "last": None}],
        "Entry 1, Last: Please fill this in.",
        "Eintrag 1, Last: Bitte ausfüllen.",
    ),
    (list[int], [1, "x"], "Entry 2: Enter a whole number.", "Eintrag 2: Bitte eine ganze Zahl eingeben."),
    (int | bool, [], "Enter a whole number.", "Bitte eine ganze Zahl eingeben."),
    (complex, "much", "Enter a number.", "Bitte eine Zahl eingeben."),
    (bool, "perhaps", "Answer yes or no.", "Bitte mit Ja oder Nein antworten."),
    (date, "soon", "Enter a date.", "Bitte ein Datum eingeben."),
    (
        Annotated[date, Field(ge=date(2026, 3, 4))],
        date(2026, 1, 1),
        "Choose 4 March 2026 or later.",
        "Bitte 4. März 2026",
    ),
    (PastDate, date(9999, 1, 1), "Choose a day in the past.", "Bitte einen Tag in der Vergangenheit wählen."),
    (AnyUrl, "example", "Enter a full web address", "Bitte eine vollständige Webadresse"),
    (Annotated[str, AfterValidator(rather)], "x", "Rather not.", "Rather not."),
]


@pytest.mark.parametrize(("kind", "value", "english", "german"), WRONG, ids=lambda of: getattr(of, "__name__", None))
def test_pydantic_s_errors_are_said_in_the_person_s_language(kind: Any, value: Any, english: str, german: str) -> None:
    checked = check(create_model("Model", field=(kind, ...)), {"field": value})
    assert checked.messages(ENGLISH)["field"].startswith(english)
    assert checked.messages(GERMAN)["field"].startswith(german)
    assert checked.value is None


def test_an_error_nobody_translated_is_told_as_pydantic_tells_it() -> None:
    checked = check(create_model("Model", field=(bytes, ...)), {"field": 1})
    assert checked.messages(GERMAN) == {"field": "Input should be a valid bytes"}
