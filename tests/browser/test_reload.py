"""Files saved while the server runs and a page is open: new code, the work of before, and one set of everything."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import NewTab
from tests.browser.visitor import Visitor
from tests.support.bake import BakedProject
from tests.support.server import Server, serving

pytestmark = pytest.mark.xdist_group("reload")  # one worker, one server

DATA = """
from enum import Enum

from pydantic import BaseModel
from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core import db

TITLE = "Orders, first"


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Order(BaseModel):
    name: str
    colour: Colour
    amount: int


class OrderRow(db.Base):
    __tablename__ = "shop_orders"

    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    colour: Mapped[str]
    amount: Mapped[int]
    lines: Mapped[list["LineRow"]] = relationship(back_populates="order")


class LineRow(db.Base):
    __tablename__ = "shop_lines"

    number: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[int] = mapped_column(ForeignKey("shop_orders.number"))
    order: Mapped[OrderRow] = relationship(back_populates="lines")
"""
PAGE = """
import gc
import json
from types import ModuleType

import streamlit as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from apps.shop import data
from core import cache, ui
from core.router import page
from core.services import get_services


@cache.data("shop:orders", depends_on=[f"table:{data.OrderRow.__tablename__}"])
def orders() -> list[tuple[str, str, int]]:
    with Session(get_services().database) as session:
        return [(row.name, row.colour, row.amount) for row in session.scalars(select(data.OrderRow))]


def store(session: Session, order: data.Order) -> None:
    session.add(data.OrderRow(name=order.name, colour=order.colour.value, amount=order.amount))


@page(title="Orders")
def overview() -> None:
    st.title(data.TITLE)
    tables = [data.OrderRow.__table__, data.LineRow.__table__]
    data.db.Base.metadata.create_all(get_services().database, tables=tables)
    with ui.form("order", model=data.Order, on_save=store):
        ui.text_input("Name", field="name")
        ui.selectbox("Colour", list(data.Colour), field="colour", format_func=lambda colour: colour.value)
        ui.number_input("Amount", 1, 9, field="amount")
    ui.file_uploader("Plan", form="plans", field="plan")
    gc.collect()
    loaded = [each for each in gc.get_objects() if isinstance(each, ModuleType) and each.__name__ == data.__name__]
    st.code(json.dumps({"orders": orders(), "loaded": len(loaded)}), language=None)
"""


class Shop:
    """A project with an app of the team's own, whose files are saved while it is served."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.folder = server.project.path / "apps" / "shop"

    def save(self, file: str, before: str, after: str) -> None:
        """Replace a piece of a file, as an editor does."""
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert before in text, f"{before!r} is not in {file}"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def title(self, title: str) -> str:
        self.save("data.py", re.search("TITLE = .*", (self.folder / "data.py").read_text())[0], f'TITLE = "{title}"')  # type: ignore[index]
        return title

    @property
    def journals(self) -> int:
        """How many handles on the journal the server has."""
        handles = Path(f"/proc/{self.server.pid}/fd").iterdir()
        return sum("journal.db" in str(handle.readlink()) for handle in handles if handle.is_symlink())


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of a copy of the project, with the app, so that no other test sees what is saved."""
    folder = tmp_path_factory.mktemp("reload")
    unlike = shutil.ignore_patterns(".venv", "__pycache__", "*.db", "*.db-*", "files")
    path = Path(shutil.copytree(baked_default.path, folder / "project", ignore=unlike))
    (path / ".venv").symlink_to(baked_default.path / ".venv")
    shop = path / "apps" / "shop"
    (shop / "pages").mkdir(parents=True)
    (shop / "__init__.py").write_text('from core.router import App\n\napp = App(title="Shop", order=1)\n')
    (shop / "data.py").write_text(DATA)
    (shop / "pages" / "orders.py").write_text(PAGE)
    project = BakedProject(path=path, answers={}, output="")
    with serving(project, folder / "data", AUTH="none") as running:
        yield running


@pytest.fixture
def shop(server: Server) -> Shop:
    return Shop(server)


def told(page: Visitor) -> dict[str, Any]:
    return json.loads(page.page.locator(".stMain [data-testid=stCode]").inner_text())  # type: ignore[no-any-return]


def colour(page: Visitor) -> Locator:
    return page.page.get_by_role("combobox", name=re.compile("Colour"))


def test_what_is_saved_runs_at_once_and_what_was_entered_stays(shop: Shop, visit: NewTab) -> None:
    page = visit().open("shop")
    page.write("Name", "Ada")
    page.choose("Colour", "blue")
    with page.kept():
        page.page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
            {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"a plan"}
        )
    handles, known = shop.journals, {}
    for number in range(4):
        page.arrived(shop.title(f"Orders, saved {number}"))
        expect(page.text("Name")).to_have_value("Ada")
        expect(colour(page)).to_have_value("blue")
        known = told(page)
    expect(page.page.locator(".stMain").get_by_text(re.compile("no longer|saved value|can't be"))).to_have_count(0)
    assert shop.journals == handles
    assert known["loaded"] <= 2, "what was loaded before is let go of, but for what one tab shows"
    with page.kept():
        page.type("Name", " Lovelace")
    page.button("Save").click()  # the amount is as it was shown
    expect(page.page.get_by_text("Please fill this in")).to_have_count(0)
    expect(page.page.locator(".stMain [data-testid=stCode]")).to_contain_text('["Ada Lovelace", "blue", 1]')
    page.open("shop")
    expect(colour(page)).to_have_value("blue")
    with page.page.expect_response(re.compile("upload_file")) as answer, page.kept():
        page.page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(
            {"name": "other.txt", "mimeType": "text/plain", "buffer": b"another plan"}
        )
    assert answer.value.ok


def test_a_page_loaded_just_after_runs_what_was_saved(shop: Shop, visit: NewTab) -> None:
    page = visit().open("shop")
    for title in ("Orders, one", "Orders, two"):  # in one second and of one length
        shop.title(title)
        page.page.reload()
        expect(page.page.get_by_role("heading", name=re.compile("Orders"))).to_have_text(title)


def test_a_model_a_table_and_an_enum_get_more(shop: Shop, visit: NewTab) -> None:
    page = visit().open("shop")
    page.write("Name", "Grace")
    shop.save("data.py", 'RED = "red"', 'RED = "red"\n    GREEN = "green"')
    shop.save(
        "data.py", "amount: Mapped[int]", 'amount: Mapped[int]\n    note: Mapped[str] = mapped_column(default="")'
    )
    shop.save("data.py", '"shop_orders"', '"shop_orders_2"')
    shop.save("data.py", '"shop_orders.number"', '"shop_orders_2.number"')
    shop.save("data.py", '"shop_lines"', '"shop_lines_2"')
    page.arrived(shop.title("Orders with notes"))
    page.choose("Colour", "green")
    page.button("Save").click()
    expect(page.page.locator(".stMain [data-testid=stCode]")).to_contain_text('["Grace", "green", 1]')


def test_a_mistake_is_shown_until_it_is_mended(shop: Shop, visit: NewTab) -> None:
    page = visit().open("shop")
    title = shop.title("Orders with a mistake")
    shop.save("data.py", "class LineRow", "raise LookupError('a mistake')\n\n\nclass LineRow")
    expect(page.page.locator(".stMain")).to_contain_text("LookupError: a mistake")
    page.reload()  # tried once more: the table before the mistake is no second one
    expect(page.page.locator(".stMain")).to_contain_text("LookupError: a mistake")
    shop.save("data.py", "raise LookupError('a mistake')\n\n\n", "")
    page.arrived(title)


def test_what_the_engine_is_made_of_needs_a_restart_and_the_page_says_so(shop: Shop, visit: NewTab) -> None:
    page = visit().open("shop")
    file = shop.server.project.path / "core" / "session.py"
    was = file.read_text(encoding="utf-8")
    file.write_text(f"{was}\n# changed\n", encoding="utf-8")
    notice = page.page.get_by_role("alert").filter(has_text="Restart the server")
    expect(notice).to_contain_text("core/session.py")
    page.write("Name", "Joan")
    page.reload()
    expect(page.text("Name")).to_have_value("Joan")
    expect(notice).to_be_visible()
    file.write_text(was, encoding="utf-8")
