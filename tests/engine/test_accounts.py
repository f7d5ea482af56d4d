"""People, roles and passwords: the laws that hold on both databases."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.accounts import COMMAND_LINE, Accounts
from core.accounts.oidc import Claims
from core.accounts.passwords import digest, flaw, hash_password, verify_password
from core.accounts.setup import seed_administrator
from core.accounts.users import LONGEST_NAME
from core.clock import FakeClock
from core.errors import AccountError
from core.storage.sql_store import SqlStore

PASSWORD = "a phrase of some length"


def test_a_person_is_found_again_with_everything_given(accounts: Accounts) -> None:
    created = accounts.users.create("Ada", "Ada L.", email="ada@example.org", password=PASSWORD, roles=["member"])
    assert accounts.users.find("ada") == accounts.users.get(created.user_id) == created
    assert (created.username, created.name, created.email) == ("ada", "Ada L.", "ada@example.org")
    assert created.roles == {"member"}
    assert created.permissions == {"home.*"}
    assert created.active
    assert not created.must_change_password


def test_capitals_and_spaces_around_make_no_other_person(accounts: Accounts) -> None:
    accounts.users.create("ada", "Ada")
    assert accounts.users.find("  ADA ") is not None
    with pytest.raises(AccountError, match="already a user called 'ada'"):
        accounts.users.create("Ada", "Another")


def test_each_person_has_a_session_of_their_own(accounts: Accounts) -> None:
    people = [accounts.users.create(name, name) for name in ("ada", "bob", "cy")]
    assert len({user.session_id for user in people}) == 3


def test_everybody_is_listed_with_their_roles(accounts: Accounts) -> None:
    accounts.users.create("bob", "Bob", roles=["admin", "member"])
    accounts.users.create("ada", "Ada")
    assert [(user.username, user.roles) for user in accounts.users.all()] == [
        ("ada", set()),
        ("bob", {"admin", "member"}),
    ]
    assert accounts.users.count() == 2


def test_permissions_are_those_of_all_roles(accounts: Accounts) -> None:
    accounts.roles.save("reader", ["orders.read"])
    accounts.roles.save("writer", ["orders.read", "orders.write"])
    user = accounts.users.create("ada", "Ada", roles=["reader", "writer"])
    assert user.permissions == {"orders.read", "orders.write"}


def test_a_role_that_is_changed_counts_at_once(accounts: Accounts) -> None:
    accounts.roles.save("reader", ["orders.read"])
    user = accounts.users.create("ada", "Ada", roles=["reader"])
    accounts.roles.save("reader", ["stock.read"], "Reads the stock")
    assert accounts.users.get(user.user_id).permissions == {"stock.read"}  # type: ignore[union-attr]
    accounts.roles.delete("reader")
    assert accounts.users.get(user.user_id).roles == set()  # type: ignore[union-attr]
    assert [role.role for role in accounts.roles.all()] == ["admin", "member"]


@pytest.mark.parametrize("name", ["", "Admin", "a b", "-x", "x" * 64])
def test_a_role_needs_a_plain_name(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountError, match="no role name"):
        accounts.roles.save(name, [])


@pytest.mark.parametrize("permission", ["", "orders.", ".read", "orders..read", "Orders.read", "a b", "or*.read"])
def test_a_permission_that_could_never_match_is_refused(accounts: Accounts, permission: str) -> None:
    with pytest.raises(AccountError, match="no permission"):
        accounts.roles.save("reader", [permission])


def test_an_unknown_role_is_refused_and_nothing_is_created(accounts: Accounts) -> None:
    with pytest.raises(AccountError, match=r"no role 'boss'. There are: admin, member"):
        accounts.users.create("ada", "Ada", roles=["boss"])
    assert accounts.users.find("ada") is None


def test_changing_somebody_who_is_gone_is_an_error(accounts: Accounts) -> None:
    for change in (
        lambda: accounts.users.set_roles("nobody", []),
        lambda: accounts.users.set_active("nobody", False),
        lambda: accounts.users.set_password("nobody", PASSWORD),
    ):
        with pytest.raises(AccountError, match="no longer exists"):
            change()


def hash_of(accounts: Accounts, username: str) -> str:
    """What a password is checked against at an attempt to sign in."""
    return accounts.throttle.begin(username, token_hash=None, by=COMMAND_LINE).password_hash


def test_the_stored_hash_fits_the_password_and_no_other(accounts: Accounts) -> None:
    accounts.users.create("ada", "Ada", password=PASSWORD)
    stored = hash_of(accounts, "ADA")
    assert verify_password(PASSWORD, stored)
    assert not verify_password(PASSWORD + " ", stored)
    assert PASSWORD not in stored


def test_people_are_found_by_the_page_and_by_what_they_are_called(accounts: Accounts) -> None:
    for number in range(7):
        accounts.users.create(f"p{number}", f"Person {number}", roles=["member", "admin"])
    accounts.users.create("zoe_q", "Zoë", email="Zoe@example.org")
    accounts.users.create("zoexq", "Zo% Q")
    assert accounts.users.count() == 9
    pages = [accounts.users.search(limit=4, offset=offset) for offset in (0, 4, 8)]
    assert [user.username for page in pages for user in page] == [*(f"p{n}" for n in range(7)), "zoe_q", "zoexq"]
    assert pages[0][0].roles == {"member", "admin"}
    for search, names in (
        ("PERSON 3", ["p3"]),
        (" ZOE_ ", ["zoe_q"]),
        ("example.org", ["zoe_q"]),
        ("o%", ["zoexq"]),
        ("nobody", []),
    ):
        assert [user.username for user in accounts.users.search(search, limit=9)] == names
        assert accounts.users.count(search) == len(names)


def test_nobody_signs_in_as_somebody_unknown_locked_or_without_password(accounts: Accounts) -> None:
    locked = accounts.users.create("locked", "Locked", password=PASSWORD)
    accounts.users.create("provided", "From a provider")
    accounts.users.set_active(locked.user_id, False)
    for name in ("unknown", "locked", "provided"):
        assert not verify_password(PASSWORD, hash_of(accounts, name))


@pytest.mark.parametrize("rounds", [5, 6])
def test_checking_an_unknown_name_takes_the_same_work_as_a_known_one(
    accounts: Accounts, clock: FakeClock, rounds: int
) -> None:
    ours = Accounts(accounts.users._database, clock, session_timeout=60, password_rounds=rounds)
    ours.users.create("ada", "Ada", password=PASSWORD)
    assert hash_of(ours, "unknown")[:7] == hash_of(ours, "ada")[:7] == f"$2b$0{rounds}$"


def test_passwords_beyond_72_bytes_differ_in_every_character() -> None:
    first, second = "x" * 100 + "a", "x" * 100 + "b"
    assert verify_password(first, hash_password(first, rounds=4))
    assert not verify_password(second, hash_password(first, rounds=4))


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "at least 12"),
        ("x" * 129, "at most 128"),
        ("password1234", "unrelated words"),
        ("  PasswordPassword ", "unrelated words"),
        ("\uff50assword1234", "unrelated words"),
    ],
    ids=["short", "long", "common", "common-dressed-up", "common-full-width"],
)
def test_unfit_passwords_are_refused_with_the_reason(accounts: Accounts, password: str, words: str) -> None:
    with pytest.raises(AccountError, match=words):
        accounts.users.create("ada", "Ada", password=password)
    assert accounts.users.find("ada") is None


@pytest.mark.parametrize("password", ["Desk of Orders", "deskoforders", "ADA.LOVELACE", "ada@example.org"])
def test_nobody_s_password_is_a_name_that_everybody_knows(accounts: Accounts, password: str) -> None:
    """The app's title, the username and the e-mail address, in any spelling of capitals and spaces."""
    accounts.users.title = "Desk of Orders"
    link = accounts.invitations.invite("ada@example.org", ["member"])
    refused = pytest.raises(AccountError, match="name of this app or of the account")
    with refused:
        accounts.invitations.accept(link, "ada.lovelace", "Ada", password, by=COMMAND_LINE)
    with refused:
        accounts.users.create("ada.lovelace", "Ada", email="Ada@example.org", password=password)
    ada = accounts.users.create("ada.lovelace", "Ada", email="Ada@example.org", password="Desk of orders and more")
    with refused:
        accounts.users.set_password(ada.user_id, password)


@pytest.mark.parametrize(
    "password",
    ["\udcff a lone surrogate", "\n" * 128, " " * 20 + "x", "\U0001f511" * 12, "nur kleine buchstaben"],
    ids=["surrogates", "line-ends", "spaces", "symbols", "letters"],
)
def test_of_which_characters_a_password_is_made_does_not_matter(password: str) -> None:
    assert flaw(password) is None


@given(st.text(max_size=128))
@settings(max_examples=50)
def test_any_text_has_a_digest_bcrypt_reads_whole(password: str) -> None:
    assert len(digest(password).encode()) <= 72
    assert digest(password).strip() == digest(password)


def test_the_same_word_typed_on_another_keyboard_is_the_same_password() -> None:
    composed, decomposed = "schl\u00fcssel-satz", "schlu\u0308ssel-satz"
    assert digest(composed) == digest(decomposed)


def test_an_empty_project_receives_roles_and_one_administrator(accounts: Accounts, clock: FakeClock) -> None:
    created = seed_administrator(accounts, PASSWORD)
    assert created is not None
    assert (created.username, created.permissions, created.must_change_password) == ("admin", {"*"}, True)
    accounts.roles.save("member", ["home.*"])
    assert seed_administrator(accounts, PASSWORD) is None
    assert accounts.users.count() == 1
    assert {role.role: role.permissions for role in accounts.roles.all()}["member"] == ("home.*",)


def test_a_person_whose_session_was_purged_gets_another(accounts: Accounts, clock: FakeClock) -> None:
    user = accounts.users.create("ada", "Ada")
    assert accounts.users.ensure_session(user) == user
    SqlStore(accounts.users._database, session_timeout=1, retention=1, clock=clock).purge(user.session_id)
    renewed = accounts.users.ensure_session(user)
    assert renewed.session_id != user.session_id
    assert accounts.users.get(user.user_id) == renewed


def test_nobody_is_called_by_a_longer_name_than_there_is_room_for(accounts: Accounts) -> None:
    fits, long = "n" * LONGEST_NAME, "n" * (LONGEST_NAME + 1)
    person = accounts.users.create("ada", fits)
    refused: list[Callable[[], object]] = [
        lambda: accounts.users.create("bob", long),
        lambda: accounts.users.create(long, "Bob"),
        lambda: accounts.users.create("bob", "Bob", email=long),
        lambda: accounts.users.describe(person.user_id, name=long, email=None),
        lambda: accounts.users.describe(person.user_id, name="Ada", email=long),
        lambda: accounts.invitations.accept(
            accounts.invitations.invite("Bob", []), "bob", long, "a phrase nobody else has", by=COMMAND_LINE
        ),
    ]
    for attempt in refused:
        with pytest.raises(AccountError, match=r"has up to 200 characters"):
            attempt()
    said = {"iss": "i", "sub": "s", "name": long, "email": f"{long}@example.com", "email_verified": True}
    claims = Claims.of(said, "groups")
    assert (claims.name, claims.email) == (fits, None)


def test_tabs_that_add_one_person_at_once_get_the_same(accounts: Accounts) -> None:
    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(lambda _: accounts.users.ensure("Ada", "Ada", roles=["member"]), range(8)))
    assert {user.user_id for user in added} == {user.user_id for user in accounts.users.all()}
    assert [line.event for line in accounts.audit.find()].count("person.added") == 1
