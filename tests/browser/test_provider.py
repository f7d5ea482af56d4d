"""Signing in through an identity provider, as a browser does it: with its own rules for cookies and referrers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewTab
from tests.browser.visitor import Visitor
from tests.support.bake import BakedProject
from tests.support.provider import PEOPLE, Provider
from tests.support.server import Server

pytestmark = pytest.mark.xdist_group("provider")  # one worker, one server

DEEP = "intake?step=review"


@pytest.fixture(scope="module")
def server(baked_default: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server and its provider, which has another name: for the browser it is another site."""
    data = tmp_path_factory.mktemp("server")
    described = data / "secrets.toml"
    server = Server(
        project=baked_default,
        data=data,
        environment={"AUTH": "oidc", "OIDC_ALLOWED": "@example.com", "STREAMLIT_SECRETS_FILES": str(described)},
    )
    provider = Provider(PEOPLE, at=server.url)
    described.write_text(provider.secrets_toml(), encoding="utf-8")
    with provider.serving():
        try:
            server.start()
            yield server
        finally:
            server.kill()


def ask_provider(visitor: Visitor) -> None:
    visitor.button("Sign in").click()
    visitor.page.wait_for_url("**/authorize?**")


def choose(visitor: Visitor, name: str) -> None:
    visitor.page.get_by_role("button", name=name).click()
    visitor.page.wait_for_url(f"{visitor.server.url}/**")
    visitor.settled()


def test_the_way_to_the_provider_and_back(visit: NewTab) -> None:
    ada = visit().open(DEEP)
    ask_provider(ada)
    choose(ada, "Eve Stranger")
    expect(ada.page.get_by_text("doesn't have access to this app")).to_be_visible()
    assert ada.page.url.endswith(DEEP)
    ada.button("Use a different account").click()
    ada.page.wait_for_url(f"{ada.server.url}/")
    ada.open(DEEP)
    ask_provider(ada)
    expect(ada.page.get_by_text("Signed in here")).to_have_count(0)
    choose(ada, "Ada Lovelace")
    expect(ada.page.locator(".st-key-keep-user")).to_contain_text("Ada")
    assert ada.page.url.endswith(DEEP)
    assert all(cookie["httpOnly"] for cookie in ada.page.context.cookies() if "xsrf" not in cookie["name"])

    other = Visitor(ada.page.context.new_page(), ada.server).open()
    ada.choose_from_menu("Sign out")
    expect(ada.button("Sign in")).to_be_visible()
    expect(other.button("Sign in")).to_be_visible()
    left = {cookie["name"] for cookie in ada.page.context.cookies()} - {"_streamlit_xsrf"}
    assert len(left) <= 1
    assert all(re.fullmatch("keep_[0-9a-f]+", name) for name in left)
