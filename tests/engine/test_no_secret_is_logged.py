"""The real server and the commands are driven with secrets that are known, and none is found in what they print.

Signing in rightly and wrongly, a first password replaced, a cookie rotated, played again and signed out, tickets, what
people enter and half enter, the database locked in the middle of it, and away. All at LOG_LEVEL=DEBUG.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from cryptography.fernet import Fernet

from core.accounts import Accounts
from core.clock import SystemClock
from core.settings import PROJECT_ROOT
from core.storage.database import open_database
from core.web.token import token_hash
from tests.engine import HERE
from tests.engine.open_page import OpenPage
from tests.lab.server import Server

pytestmark = pytest.mark.xdist_group("chaos")

OWN = {"Sec-Fetch-Site": "same-origin"}


def new_secret(name: str) -> str:
    """Return a text that is nowhere else, and is changed by being quoted for an address, in JSON or in Python."""
    return f"{name} & ü\"'\\{secrets.token_hex(12)}"


def encodings(secret: str) -> set[str]:
    """Return how a secret may stand in a log: as it is, quoted in some way, or encoded, from any place in a text."""
    data = secret.encode()
    found = {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    found |= {quote(secret), quote(secret, safe=""), quote_plus(secret), data.hex(), repr(data)[2:-1]}
    for skipped in range(3):  # base64 of a text that has it somewhere: what surrounds it changes only the ends
        part = data[skipped : skipped + (len(data) - skipped) // 3 * 3]
        found |= {base64.b64encode(part).decode(), base64.urlsafe_b64encode(part).decode()}
    return found


def found_in(text: str, known: dict[str, str]) -> set[str]:
    """Return the names of the secrets that stand in a text."""
    return {name for name, secret in known.items() if any(each in text for each in encodings(secret))}


@dataclass
class Browser:
    """A browser at the server's page: fills in fields by their labels, presses buttons, and takes what it is handed."""

    port: int
    cookie: str = ""
    tickets: list[str] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)

    def post(self, path: str, content: object, **headers: str) -> tuple[int, str]:
        """Post JSON with the cookie; return the status and the cookie that comes back."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", path, json.dumps(content), {**OWN, "Cookie": self.cookie, **headers})
        answer = connection.getresponse()
        answer.read()
        return answer.status, str(answer.headers.get("Set-Cookie", "")).partition(";")[0]

    def load(self, path: str = "/") -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = connection.getresponse()
        answer.read()
        if given := str(answer.headers.get("Set-Cookie", "")).partition(";")[0]:
            self.take(given)

    def take(self, cookie: str) -> None:
        self.cookie = cookie
        self.cookies.append(cookie.partition("=")[2])

    def page(self, path: str = "") -> OpenPage:
        return OpenPage(self.port, self.cookie, path)

    def exchange(self, page: OpenPage) -> int:
        """Do what the page's script does with its ticket. Returns the status."""
        self.tickets.append(json.loads(page.components["keep_token_rotation"])["ticket"])
        status, given = self.post("/keep/rotate", {"ticket": self.tickets[-1]})
        if given:
            self.take(given)
        return status


def settings_of(folder: Path, **settings: str) -> dict[str, str]:
    own = {"database_url": f"sqlite:///{folder}/sessions.db", "journal_path": f"{folder}/journal.db"}
    return {
        "title": "Desk",
        "auth": "password",
        "files_url": f"{folder}/files",
        "log_level": "DEBUG",
        **own,
        **settings,
    }


def manage(settings: dict[str, str], *arguments: str) -> str:
    environment = {**os.environ, **{name.upper(): value for name, value in settings.items()}}
    command = [sys.executable, "manage.py", *arguments]
    answer = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
    return answer.stdout + answer.stderr


def test_what_looks_for_secrets_finds_them() -> None:
    secret = new_secret("password")
    for text in (
        f"password={secret}",
        f"{{'password': {secret!r}}}",
        json.dumps({"password": secret}),
        f"GET /?password={quote_plus(secret)}",
        base64.b64encode(f"ada:{secret}".encode()).decode(),
        base64.b64encode(f"grace:{secret}!".encode()).decode(),
        f"unexpected bytes: {secret.encode()!r}",
        secret.encode().hex(),
    ):
        assert found_in(text, {"it": secret}) == {"it"}, text
    assert found_in("password=[withheld]", {"it": secret}) == set()


def test_no_secret_is_found_in_what_server_and_commands_print(tmp_path: Path) -> None:
    known = {name: new_secret(name) for name in ("first password", "password", "wrong password", "entered", "typed")}
    known |= {link: secrets.token_urlsafe(32) for link in ("invitation", "reset")}
    known |= {"secret key": secrets.token_hex(32), "encryption key": Fernet.generate_key().decode()}
    settings = settings_of(
        tmp_path,
        secret_key=known["secret key"],
        session_encryption_keys=known["encryption key"],
        admin_initial_password=known["first password"],
    )
    server = Server(settings, tmp_path / "log", app=HERE / "with_diary.py")
    try:
        browser = Browser(server.port)
        for link in ("invitation", "reset"):
            browser.load(f"/?{link}={known[link]}")
            with browser.page(f"?{link}={known[link]}") as page:
                assert "no longer valid" in page.shown
        with browser.page() as page:
            page.fill("Username", "admin")
            page.fill("Password", known["wrong password"])
            page.press("Sign in")
            assert "keep_token_rotation" not in page.components
            page.fill("Password", known["first password"])
            page.press("Sign in")
            assert browser.exchange(page) == 204
            used = {"ticket": browser.tickets[-1]}
            assert Browser(server.port, browser.cookies[0]).post("/keep/rotate", used)[0] == 409
        with browser.page() as page:
            page.fill("New password", known["password"])
            page.fill("Confirm new password", known["password"])
            page.press("Save password")
            assert browser.exchange(page) == 204
        with browser.page("diary") as page:
            page.fill("Name", known["entered"])
            page.run()
            tokens = page.field_tokens
            draft = {"tab": secrets.token_hex(16), "number": 1, "token": tokens[0], "text": known["typed"]}
            assert browser.post("/keep/drafts", draft)[0] == 204
            database = open_database(settings["database_url"])
            accounts = Accounts(database, SystemClock(), session_timeout=60, secret=known["secret key"])
            browser.tickets.append(accounts.tokens.issue_ticket(token_hash(browser.cookies[-1]), None))
            database.dispose()
            lock = sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)
            lock.execute("BEGIN EXCLUSIVE")
            page.fill("Name", known["entered"] + known["typed"])
            page.run()
            browser.post("/keep/drafts", {**draft, "number": 2})
            browser.post("/keep/rotate", {"ticket": browser.tickets[-1]})
            lock.execute("ROLLBACK")
            lock.close()
            page.choose("Sign out")
            assert browser.exchange(page) == 204
        for cookie in browser.cookies[:-1]:  # played again: nothing of the person is shown, and nothing is taken
            again = Browser(server.port, f"keep_desk={cookie}")
            assert again.post("/keep/position", {})[0] in (400, 401)
            with again.page("diary") as page:
                assert known["entered"] not in page.shown
    finally:
        server.close()
    known |= {f"cookie {number}": token for number, token in enumerate(browser.cookies)}
    known |= {f"ticket {number}": ticket for number, ticket in enumerate(browser.tickets)}
    known |= {f"token {number}": token for number, token in enumerate(tokens)}
    assert len(set(browser.cookies)) == 4
    printed = (tmp_path / "log").read_text(encoding="utf-8")
    assert "refresh without the database" in printed
    assert "rotate without the database" in printed
    printed += manage(settings, "createuser", "ada", "--password", known["password"])
    assert "Created ada" in printed
    known["database password"] = new_secret("database password")
    away = f"postgresql+psycopg://keep:{quote(known['database password'], safe='')}@127.0.0.1:1/none"
    printed += manage({**settings, "database_url": away}, "doctor")
    assert "can't be reached" in printed
    assert found_in(printed, known) == set()
