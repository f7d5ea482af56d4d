"""Who sees what: signing in and out, and nobody sees another person's data."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPerson, NewTab
from tests.browser.visitor import PASSWORD, SETTLE_MS
from tests.support.server import Server

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{43}")


def test_the_first_administrator_must_choose_a_password(visit: NewTab, server: Server) -> None:
    initial = dict(
        line.split("=", 1) for line in (server.project.path / ".env").read_text().splitlines() if "=" in line
    )["ADMIN_INITIAL_PASSWORD"]
    visitor = visit().open()
    visitor.sign_in("admin", initial)
    expect(visitor.text("New password")).to_be_visible(timeout=SETTLE_MS)
    visitor.reload()
    expect(visitor.text("New password")).to_be_visible(timeout=SETTLE_MS)
    visitor.choose_password()
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible(timeout=SETTLE_MS)
    visitor.sign_out()
    visitor.sign_in("admin", initial)
    expect(visitor.page.get_by_role("alert")).to_be_visible(timeout=SETTLE_MS)
    visitor.sign_in("admin")
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible(timeout=SETTLE_MS)


def test_who_forgot_their_password_chooses_another_by_an_administrator_s_link(
    visit: NewTab, new_person: NewPerson
) -> None:
    name, another = new_person(), "four other unrelated words"
    elsewhere = visit().open("intake").sign_in(name).arrived("New request")
    admin = visit().open("admin").sign_in(new_person("admin")).arrived("People")
    admin.text("Search").fill(name)
    admin.text("Search").press("Enter")
    expect(admin.page.get_by_role("button", name="Manage")).to_have_count(1)
    admin.button("Manage").click()
    admin.button("Create reset link").click()
    link = admin.page.get_by_role("dialog").get_by_test_id("stCode").locator("code").inner_text()
    visitor = visit()
    visitor.page.goto(link)
    expect(visitor.page.get_by_text(f"Choose a new password for {name}")).to_be_visible()
    visitor.choose_password(another)
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible()
    expect(visitor.page).to_have_url(f"{visitor.server.url}/")
    expect(elsewhere.text("Username")).to_be_visible()
    elsewhere.sign_in(name)
    expect(elsewhere.page.get_by_role("alert")).to_contain_text("Incorrect")
    elsewhere.page.goto(link)
    expect(elsewhere.page.get_by_role("alert")).to_contain_text("no longer valid")
    elsewhere.button("Go to sign-in").click()
    elsewhere.sign_in(name, another)
    expect(elsewhere.page.locator(".st-key-keep-user")).to_be_visible()


def test_the_token_is_nowhere_a_script_or_a_reader_could_find_it(
    visit: NewTab, new_person: NewPerson, server: Server
) -> None:
    visitor = visit().open("intake")
    visitor.sign_in(new_person()).arrived("New request")
    visitor.write("Name", "Ada")
    cookies = [c for c in visitor.page.context.cookies() if TOKEN.fullmatch(c.get("value", ""))]
    assert len(cookies) == 1, "there is one session token"
    token = cookies[0]["value"]
    assert cookies[0]["httpOnly"]
    assert cookies[0]["sameSite"] == "Lax"
    assert "keep_" not in visitor.page.evaluate("document.cookie")
    stored = visitor.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    for name, place in {
        "the address": visitor.page.url,
        "the page": visitor.page.content(),
        "the browser's storage": stored,
        "document.cookie": visitor.page.evaluate("document.cookie"),
        "the server's log": server.log,
    }.items():
        assert token not in place, f"the token is in {name}"
        assert token.split(".", maxsplit=1)[0] not in place, f"half of the token is in {name}"


def test_the_token_changes_at_sign_in_and_at_sign_out(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open()
    name = new_person()

    def token() -> str:
        return next(c["value"] for c in visitor.page.context.cookies() if TOKEN.fullmatch(c.get("value", "")))

    anonymous = token()
    visitor.sign_in(name)
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible(timeout=SETTLE_MS)
    signed_in = token()
    visitor.sign_out()
    assert len({anonymous, signed_in, token()}) == 3
    visitor.page.context.add_cookies(
        [{**c, "value": signed_in} for c in visitor.page.context.cookies() if TOKEN.fullmatch(c.get("value", ""))]  # type: ignore[typeddict-item]
    )
    visitor.open()
    expect(visitor.text("Username")).to_be_visible(timeout=SETTLE_MS)


def test_two_browsers_never_see_each_other_s_data(visit: NewTab, new_person: NewPerson) -> None:
    ada, grace = visit().open("intake"), visit().open("intake")
    ada.sign_in(new_person()).arrived("New request")
    grace.sign_in(new_person()).arrived("New request")
    ada.write("Name", "Ada's secret")
    grace.reload()
    expect(grace.text("Name")).to_have_value("")
    assert "Ada's secret" not in grace.page.content()


def test_the_next_person_on_a_browser_sees_nothing_of_the_one_before(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open("intake")
    visitor.sign_in(new_person()).arrived("New request")
    visitor.write("Name", "Ada's secret")
    visitor.sign_out()
    assert "Ada's secret" not in visitor.page.content()
    visitor.sign_in(new_person())
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible(timeout=SETTLE_MS)
    visitor.open("intake").arrived("New request")
    expect(visitor.text("Name")).to_have_value("")


def test_somebody_takes_their_data_and_deletes_themselves_with_another_tab_open(
    visit: NewTab, new_person: NewPerson
) -> None:
    name = new_person()
    form = visit().open("intake").sign_in(name).arrived("New request")
    form.write("Name", "Ada's secret")
    own = type(form)(form.page.context.new_page(), form.server).open("home-data").arrived("My data")
    with own.page.expect_download() as download:
        own.button("Download as JSON").click()
    data = json.loads(download.value.path().read_text())
    assert data["session"]["form/intake/field/name"] == "Ada's secret"
    own.page.locator(".st-key-data-delete button").click()
    again = own.page.get_by_role("dialog")
    again.get_by_role("textbox", name="Password").fill(PASSWORD)
    again.get_by_role("button", name="Delete permanently").click()
    for tab in (own, form):
        expect(tab.text("Username")).to_be_visible(timeout=SETTLE_MS)
        assert "Ada's secret" not in tab.page.content()
    own.sign_in(name)
    expect(own.page.get_by_role("alert")).to_be_visible(timeout=SETTLE_MS)


def test_two_tabs_share_the_form_and_keep_their_own_page(visit: NewTab, new_person: NewPerson) -> None:
    one = visit().open("intake")
    one.sign_in(new_person()).arrived("New request")
    two = type(one)(one.page.context.new_page(), one.server).open("intake?step=need")
    one.write("Name", "Ada")
    two.write("What is it for?", "For the lab")
    one.reload()
    two.reload()
    expect(one.page).to_have_url(re.compile(r"/intake$"))
    expect(two.page).to_have_url(re.compile(r"/intake\?step=need$"))
    expect(one.text("Name")).to_have_value("Ada")
    expect(two.text("What is it for?")).to_have_value("For the lab")
    two.open("intake")
    expect(two.text("Name")).to_have_value("Ada", timeout=SETTLE_MS)


def test_a_deep_link_opened_before_signing_in_is_where_one_lands(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open("intake?step=schedule")
    visitor.sign_in(new_person())
    expect(visitor.page.get_by_role("heading", name="Schedule")).to_be_visible(timeout=SETTLE_MS)
    expect(visitor.page).to_have_url(re.compile(r"/intake\?step=schedule$"))


def test_a_page_one_may_not_see_is_absent_and_says_not_allowed(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit().open("admin")
    visitor.sign_in(new_person("member"))
    expect(visitor.page.get_by_text(re.compile("not allowed", re.IGNORECASE)).first).to_be_visible(timeout=SETTLE_MS)
    expect(visitor.page.get_by_role("link", name=re.compile("Users|People|Admin"))).to_have_count(0)
    assert "Traceback" not in visitor.page.content()


def test_where_cookies_are_blocked_nobody_enters_a_password_in_vain(cookieless: Page, server: Server) -> None:
    cookieless.goto(server.url)
    expect(cookieless.get_by_test_id("stAlert")).to_contain_text("Allow cookies and reload the page")
    expect(cookieless.get_by_role("textbox")).to_have_count(0)


def test_a_server_that_can_not_answer_now_is_asked_again(visit: NewTab, new_person: NewPerson) -> None:
    visitor = visit("de-DE").open()
    visitor.page.route("**/keep/rotate", lambda route: route.fulfill(status=503))
    visitor.text("Benutzername").fill(new_person())
    visitor.text("Passwort").fill(PASSWORD)
    visitor.button("Anmelden").click()
    expect(visitor.page.get_by_text("Der Server ist gerade nicht erreichbar.")).to_be_visible()
    visitor.page.unroute("**/keep/rotate")
    expect(visitor.page.locator(".st-key-keep-user")).to_be_visible()
