"""Apps and pages are found, and a run ends at the page the person asked for, or at one that helps."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.commands.checks import check_pages
from core.discovery import SERVER_PATHS, App, PageSpec, discover
from core.pages import load_pages
from core.router import allows
from core.scripts.new_app import name_problem
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.models import Base
from tests.engine.conftest import signed_in

APP = "from core.router import App\napp = App(title={title!r}, order={order})\n"
PAGE = """
import streamlit as st
from core import get_session_manager
from core.router import page

@page(title={title!r}, order={order}{more})
def show():
    {body}
"""
SCRIPT = """
import streamlit as st
from core import bootstrap_session, get_session_manager
from core.discovery import discover
from core.router import Router

bootstrap_session()
manager = get_session_manager()
if tab := st.session_state.get("tab"):
    manager.session.attach_tab(tab)
if go := st.session_state.pop("go", None):
    st.session_state["went"] = getattr(manager, go[0])(*go[1:])
Router(manager, discover("sample")).run()
"""

MakeFiles = Callable[[dict[str, str]], Path]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeFiles]:
    """Write the files of a package `sample` of apps, and let it be imported."""
    root = tmp_path / "sample"

    def make(contents: dict[str, str]) -> Path:
        for name, text in {"__init__.py": "", **contents}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    monkeypatch.syspath_prepend(tmp_path)
    yield make
    for name in [name for name in sys.modules if name == "sample" or name.startswith("sample.")]:
        del sys.modules[name]


def app(title: str = "Orders", order: int = 10) -> str:
    return APP.format(title=title, order=order)


def page(title: str, order: int = 10, body: str = "pass", more: str = "") -> str:
    return PAGE.format(title=title, order=order, body=body, more=more)


SAMPLE = {
    "home/__init__.py": app("Home", 0),
    "home/pages/start.py": page("Start", body='st.title("start")'),
    "orders/__init__.py": app("Orders", 10),
    "orders/pages/all.py": page("All", 1, 'st.title("all " + st.query_params.get("id", "-"))'),
    "orders/pages/one_of_them.py": page("One", 2, 'st.title("one " + st.query_params.get("id", "-"))'),
    "orders/pages/bad.py": page("Bad", 3, "1 / 0"),
}


def go(tab: AppTest, *wish: object) -> AppTest:
    tab.session_state["go"] = wish
    return tab.run()


def names(specs: list[PageSpec]) -> list[str]:
    return [spec.name for spec in specs]


class TestDiscovery:
    def test_an_apps_first_page_has_the_apps_address_and_the_others_theirs_below_it(self, files: MakeFiles) -> None:
        files(SAMPLE)

        assert names(discover("sample")) == ["home", "orders", "orders-one-of-them", "orders-bad"]

    def test_home_comes_first_whatever_its_order(self, files: MakeFiles) -> None:
        files({**SAMPLE, "home/__init__.py": app("Home", 99)})

        assert names(discover("sample"))[0] == "home"

    def test_a_new_app_is_there_at_the_next_run(self, files: MakeFiles) -> None:
        files(SAMPLE)
        discover("sample")
        files({"later/__init__.py": app("Later", 50), "later/pages/first.py": page("First")})

        assert names(discover("sample"))[-1] == "later"

    @pytest.mark.parametrize(
        ("name", "text", "file", "line", "said"),
        [
            ("bad/__init__.py", "app = (", "__init__.py", 1, "never closed"),
            ("bad/__init__.py", "x = 1\nimport no_such_module", "__init__.py", 2, "no_such_module"),
            ("bad/__init__.py", "", "__init__.py", 1, "has no app"),
            ("bad/pages/x.py", "y = 2\n\nraise OSError('disk')", "x.py", 3, "disk"),
            ("bad/pages/x.py", "", "x.py", 1, "marked @page"),
        ],
    )
    def test_what_is_broken_is_named_and_the_others_are_there(
        self, files: MakeFiles, name: str, text: str, file: str, line: int, said: str
    ) -> None:
        files({**SAMPLE, "bad/__init__.py": app("Bad app"), name: text})
        found = discover("sample")

        broken = [spec for spec in found if spec.fault]
        assert len(broken) == 1
        assert broken[0].app_name == "bad"
        assert broken[0].fault is not None
        assert (broken[0].fault.file, broken[0].fault.line) == (file, line)
        assert said in str(broken[0].fault.error)
        assert "importlib" not in "".join(traceback.format_exception(broken[0].fault.error))
        assert {"home", "orders"} <= set(names(found))

    def test_what_is_broken_or_open_to_everybody_is_told_at_the_start_and_by_doctor(self, files: MakeFiles) -> None:
        files({**SAMPLE, "bad/__init__.py": app("Bad app"), "bad/pages/x.py": "y = ("})
        with structlog.testing.capture_logs() as logs:
            load_pages("sample")
        (broken,) = [line for line in logs if line["event"] == "an app is broken" and line["page"] == "bad"]
        assert (broken["file"], broken["line"]) == ("x.py", 1)
        assert broken["error"].startswith("SyntaxError: '(' was never closed")
        (note,) = [line for line in logs if "@requires" in line["event"]]
        assert note["pages"] == ["orders", "orders-one-of-them", "orders-bad"]

        found = {finding.says: finding.fix for finding in check_pages("sample")}
        assert found["orders, orders-one-of-them, orders-bad: no @requires, so open to everybody who is let in"] is None
        (says,) = [says for says in found if says.startswith("/bad is broken: x.py, line 1: SyntaxError")]
        assert "x.py" in str(found[says])

    @pytest.mark.parametrize("name", sorted(SERVER_PATHS))
    def test_an_address_of_the_server_is_refused_as_an_app_s_name(self, files: MakeFiles, name: str) -> None:
        files({f"{name}/__init__.py": app(), f"{name}/pages/one.py": page("One")})
        (broken,) = (spec for spec in discover("sample") if spec.fault)
        assert broken.name not in SERVER_PATHS
        assert broken.fault is not None
        assert broken.fault.summary == (
            f"DiscoveryError: The server answers at /{name} itself. Rename its folder, such as {name}_app."
        )
        assert name_problem(name) == f"{name!r} is an address of the server. Use another one, such as {name}_app."

    def test_two_pages_of_one_address_are_told_apart(self, files: MakeFiles) -> None:
        files({**SAMPLE, "orders_all2/__init__.py": app(), "orders_all2/pages/a.py": page("A")})
        files({"orders/pages/all2.py": page("Clash", 9)})
        found = discover("sample")

        assert len(names(found)) == len(set(names(found)))
        assert [spec.app_name for spec in found if spec.fault] == ["orders_all2"]

    def test_the_app_says_what_it_is(self, files: MakeFiles) -> None:
        files(SAMPLE)

        assert {spec.app.title for spec in discover("sample")} == {"Home", "Orders"}
        assert App(title="X").order == App(title="Y").order


def test_permissions_are_denied_by_default(files: MakeFiles) -> None:
    guarded = (
        page("Secret")
        .replace("def show", "def show")
        .replace("@page", "from core import requires\n@page")
        .replace("def show()", "@requires('orders.read')\ndef show()")
    )
    files({**SAMPLE, "orders/pages/secret.py": guarded})
    secret = next(spec for spec in discover("sample") if spec.name == "orders-secret")

    assert secret.permissions == ("orders.read",)
    assert not allows([], secret)
    assert not allows(["orders.write"], secret)
    assert allows(["orders.*"], secret)


@pytest.mark.usefixtures("as_one_person")
class TestRouting:
    @pytest.fixture
    def tab(self, files: MakeFiles) -> AppTest:
        files(SAMPLE)
        return AppTest.from_string(SCRIPT).run()

    def test_without_an_address_it_is_the_home_page(self, tab: AppTest) -> None:
        assert tab.title[0].value == "start"

    def test_a_visit_to_a_broken_page_is_in_the_log_once(self, tab: AppTest) -> None:
        with structlog.testing.capture_logs() as logs:
            go(tab, "navigate_to", "orders-bad")
            tab.run()

        assert [line["event"] for line in logs].count("a page is broken") == 1

    def test_navigate_to_opens_the_page_with_its_params(self, tab: AppTest) -> None:
        go(tab, "navigate_to", "orders-one-of-them", {"id": "7"})

        assert tab.title[0].value == "one 7"

    def test_back_and_forward_bring_page_and_params_back(self, tab: AppTest) -> None:
        go(tab, "navigate_to", "orders", {"id": "1"})
        go(tab, "navigate_to", "orders", {"id": "2"})

        assert go(tab, "go_back").title[0].value == "all 1"
        assert go(tab, "go_back").title[0].value == "start"
        assert go(tab, "go_forward").title[0].value == "all 1"

    def test_there_is_nothing_before_the_first_page(self, tab: AppTest) -> None:
        go(tab, "go_back")

        assert tab.session_state["went"] is False
        assert tab.title[0].value == "start"

    def test_a_page_that_does_not_exist_is_said_so_and_leads_home(self, tab: AppTest) -> None:
        go(tab, "navigate_to", "nowhere")
        assert "no page here" in tab.title[0].value

        tab.button[0].click().run()
        assert tab.title[0].value == "start"

    def test_a_broken_page_names_file_line_and_error_and_the_others_go_on(self, tab: AppTest) -> None:
        go(tab, "navigate_to", "orders-bad")
        assert "can't be shown" in tab.title[0].value
        assert tab.code[0].value == "bad.py, line 8\nZeroDivisionError: division by zero"

    def test_a_page_that_needs_the_database_says_that_it_is_away(self, files: MakeFiles, tab: AppTest) -> None:
        raises = "from core.errors import StoreUnavailableError as Away; raise Away('no answer')"
        files({"orders/pages/mine.py": page("Mine", 4, raises)})
        go(tab, "navigate_to", "orders-mine")
        assert tab.title[0].value == ":material/sync: Reconnecting"
        assert "no answer" not in tab.markdown[0].value
        assert not tab.exception

        assert go(tab, "navigate_to", "orders").title[0].value == "all -"

    @pytest.mark.parametrize(
        "address", ["%20", "%20%2F%20", "a%2Fb", "%00", "..", "orders%20", "%E6%B3%A8", "x" * 5_000]
    )
    def test_whatever_the_address_is_there_is_a_page(
        self, monkeypatch: pytest.MonkeyPatch, tab: AppTest, address: str
    ) -> None:
        monkeypatch.setattr(ContextProxy, "url", f"http://localhost/{address}")
        assert not tab.run().exception

    def test_history_is_back_in_the_same_browser_tab_after_a_new_start(self, tab: AppTest) -> None:
        tab.session_state["tab"] = "a" * 32
        go(tab, "navigate_to", "orders", {"id": "1"})
        again = AppTest.from_string(SCRIPT)
        again.session_state["tab"] = "a" * 32
        again.run()

        pages = [entry.page for entry in again.session_state["_keep_manager"].session.navigation_history]
        assert "orders" in pages


def test_a_page_one_may_not_see_says_so(services: Services, files: MakeFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(services, monkeypatch)
    guarded = (
        page("Secret", body='st.title("secret")')
        .replace("@page", "from core import requires\n\n@page")
        .replace("def show", "@requires('orders.read')\ndef show")
    )
    files({**SAMPLE, "orders/pages/secret.py": guarded})
    tab = AppTest.from_string(SCRIPT).run()
    go(tab, "navigate_to", "orders-secret")

    assert "Not allowed" in tab.title[0].value
    assert "orders.read" in tab.markdown[0].value
    assert "Secret" not in tab.title[0].value + tab.markdown[0].value


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize(
    ("auth", "address", "title", "said"),
    [
        ("none", "broken", "can't be shown", "bad/__init__.py, line 1\nOSError"),
        ("password", "broken", "not available right now", ""),
        ("password", "orders-bad", "can't be shown", "bad.py, line 8\nZeroDivisionError"),
    ],
    ids=["an administrator", "anybody else", "who may see the page"],
)
def test_what_is_broken_is_explained_to_administrators_alone(
    make_settings: Callable[..., Settings],
    files: MakeFiles,
    monkeypatch: pytest.MonkeyPatch,
    environment: str,
    auth: str,
    address: str,
    title: str,
    said: str,
) -> None:
    files({**SAMPLE, "broken/__init__.py": "raise OSError('innards')"})
    built = build_services(make_settings(auth=auth, environment=environment, cookie_secure=True))
    Base.metadata.create_all(built.database)
    with use_services(built):
        if auth == "password":
            signed_in(built, monkeypatch)
        tab = go(AppTest.from_string(SCRIPT).run(), "navigate_to", address)
    production = environment == "production"
    if address == "orders-bad" and production:
        title, said = "not available right now", ""
    assert title in tab.title[0].value
    assert len(tab.code) == bool(said)
    assert all(said.split("/")[-1] in code.value and (": " in code.value) != production for code in tab.code)


def test_a_broken_app_is_offered_to_administrators_alone(files: MakeFiles) -> None:
    files({**SAMPLE, "broken/__init__.py": "raise OSError('innards')"})
    (broken,) = (spec for spec in discover("sample") if spec.fault)
    assert [allows(granted, broken) for granted in (["*"], ["admin.*"], ["orders.use"], [])] == [
        True,
        True,
        False,
        False,
    ]
