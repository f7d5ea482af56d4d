"""Signing in through an identity provider: a real one and the real server, each on a port of this machine."""

from __future__ import annotations

import html
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urljoin
from uuid import NAMESPACE_URL, uuid5

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from core.accounts import Accounts, User
from core.clock import SystemClock
from core.storage.database import open_database
from tests.engine.open_page import OpenPage
from tests.lab.server import Server
from tests.support.provider import PEOPLE, Person, Provider

GROUPS = tuple(str(uuid5(NAMESPACE_URL, str(number))) for number in range(400))
MANY = Person(subject="4", name="Mae Jemison", email="mae@example.com", groups=GROUPS)
NOBODY = Person(subject="5", name="Nobody Ever", email="nobody@example.com", groups=("app-admins",))
"""About whom false statements are made."""
DEEP = "/orders?step=review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The server, its provider, and the accounts they lead to."""

    port: int
    provider: Provider
    accounts: Accounts

    @property
    def url(self) -> str:
        return self.provider.at

    def tokens(self) -> set[str]:
        """The browsers that have a row."""
        return {token.token_hash for token in self.accounts.browsers.find(limit=9)}

    def person(self, email: str) -> User | None:
        return next((user for user in self.accounts.users.all() if user.email == email), None)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("provider")
    settings = {
        "auth": "oidc",
        "title": "Order desk",
        "secret_key": "k" * 40,
        "database_url": f"sqlite:///{folder / 'sessions.db'}",
        "journal_path": str(folder / "journal.db"),
        "files_url": str(folder / "files"),
        "oidc_allowed": "@example.com",
        "oidc_roles": '{"app-admins": "admin"}',
    }
    provider = Provider((*PEOPLE, MANY, NOBODY), at="http://127.0.0.1:{port}")
    (folder / "secrets.toml").write_text(provider.secrets_toml(), encoding="utf-8")
    server = Server(settings, folder / "log", secrets_files=str(folder / "secrets.toml"))
    provider.at = f"http://127.0.0.1:{server.port}"
    database = open_database(str(settings["database_url"]))
    accounts = Accounts(database, SystemClock(), session_timeout=3600)
    try:
        with provider.serving():
            yield Site(port=server.port, provider=provider, accounts=accounts)
    finally:
        server.close()
        database.dispose()


@dataclass
class Browser:
    """Keeps cookies, goes where it is led, and holds the one tab that is there now."""

    site: Site
    client: httpx2.Client = field(default_factory=httpx2.Client)
    at: str = "/"
    tab: OpenPage | None = None

    def open(self, path: str) -> OpenPage:
        """Open a page of the app."""
        assert self.client.get(self.site.url + path).status_code == 200
        self.at = path
        return self.new_tab()

    def new_tab(self) -> OpenPage:
        """Load the page that is open in a new tab."""
        ours = [each for each in self.client.cookies.jar if each.domain == "127.0.0.1"]
        cookies = "; ".join(f"{each.name}={each.value}" for each in ours)
        self.tab = OpenPage(self.site.port, cookies, self.at)
        return self.tab

    def go(self, url: str) -> httpx2.Response:
        """Follow a link of the page, and all that it leads on to."""
        referer, url = self.site.url + self.at, urljoin(self.site.url, url)
        while (answer := self.client.get(url, headers={"Referer": referer})).is_redirect:
            url = urljoin(url, answer.headers["location"])
        if url.startswith(self.site.url):
            self.at = url.removeprefix(self.site.url)
        return answer

    def ask_provider(self, path: str = "/") -> httpx2.Response:
        """Open a page, click on "Sign in", and come to the provider's page."""
        return self.go(self.open(path).press("Sign in").leads_to)

    def choose(self, page: httpx2.Response, name: str) -> OpenPage:
        """Choose somebody on the provider's page, and come back."""
        self.follow(page, name)
        return self.new_tab()

    def follow(self, page: httpx2.Response, name: str) -> None:
        """Like `choose`, but open no page of ours at the end."""
        asked = {
            key: html.unescape(value) for key, value in re.findall(r'hidden name="(.*?)" value="(.*?)"', page.text)
        }
        (who,) = re.findall(rf"""value=["'](\d*)["']>{name}<""", page.text)
        self.go(f"{self.site.provider.address}/chosen?{urlencode({**asked, 'person': who})}")

    def sign_in(self, name: str, path: str = "/") -> OpenPage:
        return self.choose(self.ask_provider(path), name)

    def cookies(self) -> dict[str, str]:
        return {each.name: each.value or "" for each in self.client.cookies.jar if each.domain == "127.0.0.1"}


@pytest.fixture
def browser(site: Site) -> Iterator[Browser]:
    browser = Browser(site)
    yield browser
    browser.client.close()
    if browser.tab is not None:
        browser.tab.close()


def test_somebody_is_signed_in_where_they_wanted_to_go_with_the_roles_of_their_groups(
    site: Site, browser: Browser
) -> None:
    page = browser.sign_in("Ada Lovelace", DEEP)
    assert browser.at == DEEP
    assert "Ada Lovelace" in page.shown
    ada = site.person("ada@example.com")
    assert ada is not None
    assert ada.roles == {"admin", "member"}
    assert [event.event for event in site.accounts.audit.find(person=ada.user_id)] == ["sign_in", "person.added"]
    assert site.accounts.audit.find(person=ada.user_id)[0].address == "127.0.0.1"


def test_who_is_not_let_in_is_told_so_and_nothing_of_them_is_stored(site: Site, browser: Browser) -> None:
    before = site.accounts.users.all(), site.tokens()
    page = browser.sign_in("Eve Stranger", DEEP)
    assert browser.at == DEEP
    assert re.search(r"eve@.*elsewhere.*example.*have access to this app", page.shown)
    assert (site.accounts.users.all(), site.tokens()) == before
    refused = site.accounts.audit.find(limit=1)[0]
    assert (refused.event, refused.subject, refused.actor_id) == ("sign_in.refused", "", None)
    assert "Eve" not in str(refused)
    browser.go(page.press("Use a different account").leads_to)
    assert "Signed in here" not in browser.ask_provider().text


def test_who_cancels_at_the_provider_is_told_so_where_they_came_from(browser: Browser) -> None:
    assert "Sign-in was cancelled" in browser.sign_in("Cancel", DEEP).shown
    assert browser.at == DEEP


@pytest.fixture
def away(site: Site) -> Iterator[Callable[[], None]]:
    """Call it, and the provider answers by errors until the test ends."""

    def away() -> None:
        site.provider.away = True

    yield away
    site.provider.away = False


def test_while_the_provider_is_away_the_page_says_so(browser: Browser, away: Callable[[], None]) -> None:
    page = browser.ask_provider(DEEP)
    away()
    assert "Sign-in failed" in browser.choose(page, "Ada Lovelace").shown
    browser.ask_provider(DEEP)
    assert "be reached right now" in browser.new_tab().shown
    assert browser.at == DEEP


def forgeries(provider: Provider) -> dict[str, Callable[[dict[str, Any]], str]]:
    """Statements that the provider never made for this sign-in, by what is wrong with them."""
    true, header = provider.sign, {"alg": "RS256", "kid": "1"}
    (public,) = httpx2.get(f"{provider.address}/jwks").json()["keys"]

    def part(content: object) -> str:
        return urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return {
        "signed by nobody": lambda said: f"{part({'alg': 'none'})}.{part(said)}.",
        "signed with another key": lambda said: jwt.encode(header, said, RSAKey.generate_key(2048, {"kid": "1"})),
        "signed with what is public": lambda said: jwt.encode(
            {"alg": "HS256", "kid": "1"}, said, OctKey.import_key(public["n"])
        ),
        "for another app": lambda said: true({**said, "aud": "another"}),
        "for another sign-in": lambda said: true({**said, "nonce": "another"}),
        "of another provider": lambda said: true({**said, "iss": "https://another.example"}),
    }


def test_a_statement_the_provider_did_not_make_for_this_sign_in_lets_nobody_in(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, tokens = browser.open("/").press("Sign in").leads_to, site.tokens()
    for wrong, sign in forgeries(site.provider).items():
        monkeypatch.setattr(site.provider, "sign", sign)
        browser.follow(browser.go(link), NOBODY.name)
        assert (site.person(NOBODY.email), site.tokens()) == (None, tokens), wrong
    assert "Sign-in failed" in browser.new_tab().shown
    monkeypatch.undo()
    assert "Sign in" not in browser.choose(browser.go(link), NOBODY.name).labels
    assert site.person(NOBODY.email) is not None


def test_the_way_back_from_the_provider_leads_in_only_once_and_only_this_browser(site: Site, browser: Browser) -> None:
    page = browser.ask_provider()
    other = Browser(site)
    assert "Sign-in failed" in other.choose(page, "Bob Martin").shown
    assert "Bob Martin" in browser.choose(browser.ask_provider(), "Bob Martin").shown


@pytest.mark.parametrize("page", ["https://evil.example/x", "//evil.example/", "/\\evil.example"])
def test_nobody_is_sent_to_another_site(site: Site, browser: Browser, page: str) -> None:
    link = browser.open("/").press("Sign in").leads_to
    referer = urljoin(site.url, page) if page.startswith("https") else site.url + page
    client = browser.client
    answer = client.get(urljoin(site.url, link), headers={"Referer": referer, "Sec-Fetch-Site": "same-origin"})
    browser.choose(client.get(answer.headers["location"]), "Ada Lovelace")
    assert browser.at in ("/", "/x")


def test_cookies_hold_no_statement_about_somebody_and_stay_small(site: Site, browser: Browser) -> None:
    page = browser.sign_in("Mae Jemison")
    assert "Mae Jemison" in page.shown
    cookies = browser.cookies()
    assert sum(map(len, cookies.values())) < 1_000
    assert not [name for name in cookies if name.endswith("_flow")]
    del browser.client.cookies[next(name for name in cookies if name.startswith("keep_"))]
    assert "Sign in" in browser.open("/").labels  # Streamlit's cookies alone sign nobody in


def test_who_brought_a_long_token_is_signed_out_here_and_told_of_the_provider(browser: Browser) -> None:
    """Without the token, too long for a cookie, the provider would not lead back."""
    browser.sign_in("Mae Jemison")
    answer = browser.go("/auth/logout")
    assert (answer.status_code, browser.at) == (200, "/")
    assert not {name for name in browser.cookies() if name.startswith("_streamlit_user")}
    del browser.client.cookies[next(name for name in browser.cookies() if re.fullmatch("keep_[0-9a-f]*", name))]
    assert "may still be signed in" in browser.open("/").shown


def test_only_get_leads_through_the_provider(site: Site, browser: Browser) -> None:
    """Of an answer to HEAD Streamlit's cookies would be kept as they are, which say who somebody is."""
    asked = browser.ask_provider()
    back = {key: html.unescape(value) for key, value in re.findall(r'hidden name="(.*?)" value="(.*?)"', asked.text)}
    for path in ("/auth/login", "/auth/logout", f"/oauth2callback?state={back['state']}&code=none"):
        answer = browser.client.head(site.url + path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
        assert "set-cookie" not in answer.headers
    assert "Ada Lovelace" in browser.choose(asked, "Ada Lovelace").shown


def test_signing_out_leaves_the_provider_too(site: Site, browser: Browser) -> None:
    browser.sign_in("Ada Lovelace")
    browser.go("/auth/logout")
    assert browser.at == "/"
    assert "provider_signed_in" not in browser.client.cookies
    assert not {name for name in browser.cookies() if name.startswith("_streamlit_user")}
