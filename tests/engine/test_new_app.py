"""`startapp` makes an app that works as it is, and never touches one that is there; `removeapp` asks first."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from core.commands import apps as commands
from core.settings import PROJECT_ROOT

create_app = runpy.run_path(str(PROJECT_ROOT / "core" / "scripts" / "new_app.py"))["create_app"]


def test_a_new_app_is_valid_python(tmp_path: Path) -> None:
    files = create_app(tmp_path, "order_desk")
    assert files == [
        Path("apps/order_desk/__init__.py"),
        Path("apps/order_desk/pages/overview.py"),
        Path("apps/order_desk/tests/test_order_desk.py"),
    ]
    for file in files:
        text = (tmp_path / file).read_text(encoding="utf-8")
        compile(text, str(file), "exec")
        assert "Order desk" in text
    page = (tmp_path / files[1]).read_text(encoding="utf-8")
    assert '@requires("order_desk.use")' in page, "nobody sees a new app before somebody decides who may"


@pytest.mark.usefixtures("services")
def test_a_new_app_s_form_says_what_it_lacks_and_saves(tmp_path: Path) -> None:
    page = tmp_path / create_app(tmp_path, "order_desk")[1]
    begin = "from core import bootstrap_session\nbootstrap_session()\n"
    source = begin + page.read_text(encoding="utf-8").replace('@requires("order_desk.use")', "") + "\noverview()\n"
    tab = AppTest.from_string(source).run()
    tab.button[0].click().run()
    assert [message.value for message in tab.error] == ["Please fill this in."]
    tab.text_input[0].set_value("Paper").run()
    tab.button[0].click().run()
    assert not tab.exception
    assert any("Saved: Paper" in text.value for text in tab.markdown)


def test_an_app_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / create_app(tmp_path, "orders")[0]
    file.write_text("# ours", encoding="utf-8")
    with pytest.raises(FileExistsError, match="orders"):
        create_app(tmp_path, "orders")
    assert file.read_text(encoding="utf-8") == "# ours"


@pytest.mark.parametrize("name", ["", "Orders", "1st", "a-b", "../core", "class", "json", "healthz", "x" * 41, "a\n"])
def test_a_name_that_cant_be_used_is_refused_with_a_better_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="such as"):
        create_app(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_an_app_is_removed_when_that_is_confirmed_and_who_uses_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "PROJECT_ROOT", tmp_path)
    for name in ("orders", "order_desk"):
        create_app(tmp_path, name)
    user = tmp_path / "apps/order_desk/pages/overview.py"
    user.write_text("from apps.orders import prices\n", encoding="utf-8")
    run = CliRunner()

    refused = run.invoke(commands.removeapp, ["orders"], input="n\n")
    assert refused.exit_code == 1
    assert "This removes apps/orders: 3 files, its tests among them." in refused.output
    assert "apps/order_desk/pages/overview.py uses it" in refused.output
    assert (tmp_path / "apps/orders/__init__.py").exists()

    removed = run.invoke(commands.removeapp, ["orders"], input="y\n")
    assert removed.exit_code == 0
    assert "Tables it made stay" in removed.output
    assert [folder.name for folder in (tmp_path / "apps").iterdir()] == ["order_desk"]

    assert run.invoke(commands.removeapp, ["order_desk", "--yes"]).exit_code == 0
    assert list((tmp_path / "apps").iterdir()) == []
