"""docs/security.md tells the truth: every requirement is in it, and each row has a test that exists or says why not."""

from __future__ import annotations

import ast
import base64
import re
import tomllib
from functools import cache

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts import Accounts, Actor
from core.accounts.passwords import verify_password
from core.clock import FakeClock
from core.services import Services
from core.settings import PROJECT_ROOT
from core.web.cookie import set_cookie_header
from core.web.token import new_token
from tests.engine import HERE
from tests.engine.conftest import new_browser

DOCUMENT = PROJECT_ROOT / "docs" / "security.md"
ROWS = re.findall(
    r"^\| (\d+\.\d+\.\d+) \|(.*)\|(.*)\|(.*)\|(.*)\|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
)
SECTIONS = {"3.3": "12223", "3.4": "11222233"}
SECTIONS |= {"6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333"}
SECTIONS |= {"6.6": "2223", "6.7": "33", "6.8": "2222"}
SECTIONS |= {"7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22"}
SECTIONS |= {"8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23"}
"""The level of each requirement of ASVS 5.0.0; of its chapter 3, of those about cookies and headers."""
MORE = {"3.1.1": "3", "3.2.1": "1", "3.5.1": "1", "3.5.2": "1", "3.5.3": "1", "3.5.8": "3", "3.7.4": "3", "3.7.5": "3"}
"""Those of the rest of its chapter 3 that a header answers, or a look at one."""


@cache
def functions_of(name: str) -> set[str]:
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def named(proof: str) -> list[tuple[str, str]]:
    """Return the tests that a cell names: the file of each, and its name."""
    return re.findall(r"`(\w+)::(\w+)`", proof)


def test_every_requirement_has_one_row_with_its_level() -> None:
    expected = [
        (f"{section}.{number}", level)
        for section, levels in SECTIONS.items()
        for number, level in enumerate(levels, start=1)
    ]
    assert sorted((row[0], row[2].strip()) for row in ROWS) == sorted([*expected, *MORE.items()])


def test_a_row_has_a_test_that_exists_or_says_what_is_different() -> None:
    for number, *cells in ROWS:
        asked, _level, here, proof = (cell.strip() for cell in cells)
        tests = named(proof)
        assert asked, number
        assert here, number
        differs = re.search(r"\*\*(Deviation|Does not apply)\*\*: (.{10,})$", proof)
        assert tests or differs, number
        assert differs is None or differs[1] != "Deviation" or re.search(r"\. Remedy: \w", differs[2]), number
        for file, test in tests:
            assert test in functions_of(f"{file}.py"), f"{number}: {file}::{test}"


# What has no better place


def test_password_fields_hide_what_is_typed_and_take_password_managers(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_browser(services, monkeypatch)
    script = "from core.auth import current_identity, require_sign_in; require_sign_in(current_identity())"
    name, password = AppTest.from_string(script).run().text_input
    assert (password.proto.type, password.proto.autocomplete) == (password.proto.PASSWORD, "current-password")
    assert (name.proto.type, name.proto.autocomplete) == (name.proto.DEFAULT, "username")


def test_a_password_is_good_for_as_long_as_its_owner_wants(accounts: Accounts, clock: FakeClock) -> None:
    accounts.users.create("ada", "Ada", password="a phrase of some length", must_change_password=False)
    clock.advance(5 * 365 * 86400)
    ada = accounts.users.find("ada")
    assert ada is not None
    assert not ada.must_change_password
    attempt = accounts.throttle.begin("ada", token_hash=None, by=Actor())
    assert verify_password("a phrase of some length", attempt.password_hash)


def test_a_token_has_256_random_bits() -> None:
    tokens = [new_token("s" * 32) for _ in range(1000)]
    drawn = [base64.urlsafe_b64decode(token.partition(".")[0] + "=") for token in tokens]
    assert len(set(drawn)) == len(drawn)
    assert {len(each) * 8 for each in drawn} == {256}
    for place in range(256):  # none of them is always the same
        assert 0 < sum(int.from_bytes(each) >> place & 1 for each in drawn) < len(drawn)


def test_a_browser_has_room_for_the_cookie() -> None:
    assert len(set_cookie_header(f"__Host-keep_{'x' * 60}", new_token("s" * 32), secure=True)) < 4096


def test_a_page_shows_nothing_of_an_error_but_that_there_was_one() -> None:
    streamlit = tomllib.loads((PROJECT_ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert streamlit["client"]["showErrorDetails"] == "none"
    assert streamlit["client"]["showErrorLinks"] is False
    tab = AppTest.from_string("""raise RuntimeError("the word is swordfish")""").run()
    (shown,) = tab.exception
    assert "encountered an error" in shown.value
    assert "swordfish" not in str(shown.proto)
    assert not shown.proto.stack_trace
