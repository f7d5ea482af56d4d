"""Who comes in through an identity provider, and with which roles. `test_provider` has the way there and back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from core.accounts import Actor, User
from core.accounts.oidc import Claims
from core.accounts.setup import seed_administrator
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.state.paths import join_path
from core.storage.models import Base
from core.web.oidc import Admission, admit
from core.web.token import anonymous_session_id, new_token, token_hash
from tests.engine.writing import put

BY = Actor(address="192.0.2.7", device="Firefox on Linux")


@dataclass
class Browser:
    """Brings the provider's statements about people, and keeps the token it is given."""

    services: Services
    token: str

    def sign_in(self, **claims: object) -> Admission:
        said = {
            "iss": "https://provider.example",
            "sub": "1",
            "iat": time.time(),
            "name": "Ada",
            "email": "ada@example.org",
            "email_verified": True,
        }
        admission = admit(self.services, {**said, **claims}, self.token, by=BY)
        self.token = admission.token or self.token
        return admission

    @property
    def user(self) -> User | None:
        return self.services.accounts.identities.ask(token_hash(self.token), "anon").user


@pytest.fixture
def browser(make_settings: Callable[..., Settings]) -> Iterator[Browser]:
    groups = {"keep-admins": "admin", "keep-ghosts": "no-such-role"}
    services = build_services(make_settings(auth="oidc", oidc_allowed=("@example.org",), oidc_roles=groups))
    Base.metadata.create_all(services.database)
    seed_administrator(services.accounts, None)
    with use_services(services):
        yield Browser(services, new_token(services.settings.secret_key.get_secret_value()))


def test_whom_the_provider_vouches_for_becomes_a_member(browser: Browser) -> None:
    assert browser.sign_in().outcome == "signed_in"
    ada = browser.user
    assert ada is not None
    assert (ada.name, ada.email, ada.roles) == ("Ada", "ada@example.org", {"member"})
    event = browser.services.accounts.audit.find(events=["sign_in"])[0]
    assert (event.actor_id, event.address, event.device) == (ada.user_id, BY.address, BY.device)


def test_subjects_that_differ_in_capitals_only_and_shared_addresses_are_different_people(browser: Browser) -> None:
    for subject in ("Ab1", "aB1"):
        browser.sign_in(sub=subject, email="shared@example.org")
    assert len(browser.services.accounts.users.all()) == 2


def test_what_was_done_before_signing_in_becomes_theirs(browser: Browser) -> None:
    services = browser.services
    secret = services.settings.secret_key.get_secret_value()
    path = join_path("form", "order", "field", "item")
    put(services.engine, anonymous_session_id(browser.token, secret), {path: "a lamp"})
    browser.sign_in()
    assert browser.user is not None
    assert services.engine.open(browser.user.session_id).form("order").values == {"item": "a lamp"}


def test_another_person_of_the_provider_takes_over_the_browser_but_not_the_work(browser: Browser) -> None:
    browser.sign_in()
    first, token = browser.user, browser.token
    browser.sign_in(sub="2", name="Bob")
    assert first is not None
    assert browser.user is not None
    assert (browser.user.name, browser.user.session_id != first.session_id) == ("Bob", True)
    assert browser.services.accounts.identities.ask(token_hash(token), "anon").standing == "ended"


def test_a_browser_whose_sign_in_has_ended_gets_in_anew(browser: Browser) -> None:
    browser.sign_in()
    browser.services.accounts.tokens.revoke(token_hash(browser.token))
    assert browser.user is None
    browser.sign_in()
    assert browser.user is not None
    assert len(browser.services.accounts.audit.find(events=["sign_in"])) == 2


def test_somebody_locked_out_stays_out_whatever_the_provider_says(browser: Browser) -> None:
    browser.sign_in()
    accounts = browser.services.accounts
    (ada,) = accounts.users.all()
    accounts.users.set_active(ada.user_id, False)
    assert browser.sign_in() == Admission(outcome="locked", who="ada@example.org")
    assert browser.user is None
    event = accounts.audit.find()[0]
    assert (event.event, event.subject, event.detail) == ("sign_in.refused", f"person:{ada.user_id}", "locked out")


@pytest.mark.parametrize("issued_at", [-660, None, "soon", 1e300], ids=["old", "none", "a word", "never"])
def test_an_old_statement_lets_nobody_in(browser: Browser, issued_at: object) -> None:
    moment = time.time() + issued_at if isinstance(issued_at, int) else issued_at
    assert browser.sign_in(iat=moment).outcome == "stale"
    assert browser.services.accounts.users.all() == []


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "ada@elsewhere.org"},
        {"email": "ada@sub.example.org"},
        {"email": "@example.org@elsewhere.org"},
        {"email_verified": False},
        {"email_verified": None},
        {"email": None},
        {"email": ["ada@example.org"]},
        {"email": "ada@elsewhere.org", "groups": ["keep-others"]},
    ],
)
def test_whom_nobody_let_in_gets_no_account_and_is_audited(browser: Browser, claims: dict[str, object]) -> None:
    assert browser.sign_in(**claims).outcome == "not_admitted"
    accounts = browser.services.accounts
    assert (accounts.users.all(), accounts.browsers.find(limit=9)) == ([], [])
    event = accounts.audit.find()[0]
    assert (event.event, event.address, event.subject) == ("sign_in.refused", BY.address, "")
    assert re.fullmatch(r"not let in: oidc-[0-9a-f]{32}", event.detail)


def test_who_is_refused_later_is_named_in_the_trail(browser: Browser) -> None:
    browser.sign_in()
    (ada,) = browser.services.accounts.users.all()
    browser.sign_in(email="ada@elsewhere.org")
    assert browser.services.accounts.audit.find()[0].subject == f"person:{ada.user_id}"


def test_a_group_lets_in_and_gives_its_role_as_long_as_the_person_has_it(browser: Browser) -> None:
    accounts = browser.services.accounts
    browser.sign_in(email="ada@elsewhere.org", groups=["keep-admins", "keep-ghosts", 7])
    (ada,) = accounts.users.all()
    assert ada.roles == {"admin", "member"}
    accounts.roles.save("clerk", ["orders.*"])
    accounts.users.set_roles(ada.user_id, ["admin", "clerk"])
    accounts.users.create("grace", "Grace", roles=["admin"])
    browser.sign_in(email="Ada@Example.org")
    (ada,) = (user for user in accounts.users.all() if user.user_id == ada.user_id)
    assert (ada.name, ada.email, ada.roles) == ("Ada", "Ada@Example.org", {"clerk"})
    assert accounts.audit.find(events=["person.roles"])[0].detail == "roles: clerk, by the provider's groups"


def test_groups_may_be_nested_or_a_single_one() -> None:
    for claim, said in (
        ("realm_access.roles", {"realm_access": {"roles": ["staff"]}}),
        ("https://example.org/groups", {"https://example.org/groups": "staff"}),
    ):
        assert Claims.of(said, claim).groups == {"staff"}
    assert Claims.of({"realm_access": "staff"}, "realm_access.roles").groups == frozenset()
