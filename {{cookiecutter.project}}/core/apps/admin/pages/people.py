"""People: who may sign in and with which roles, and who is invited."""

from datetime import timedelta
from urllib.parse import urlsplit

import streamlit as st

from core import ui
from core.accounts import Accounts, Invitation, User, password_resets
from core.accounts.invitations import LIFETIME, PARAMETER, link
from core.accounts.oidc import NEWCOMER
from core.accounts.users import LONGEST_NAME
from core.apps.admin.common import PER_PAGE, offset, pagination, show_refusal, to_first_page
from core.auth import acting
from core.permissions import current_permissions, requires
from core.router import page
from core.services import get_services
from core.settings import Settings
from core.storage.database import reachable
from core.web.address import app_folder
from core.wildcards import lacking

_NUMBER = "admin-people-number"
_DONE = "admin-people-done"


@page(title="People", icon=":material/group:", order=1, needs_sign_in=True)
@requires("admin.people")
def people() -> None:
    services = get_services()
    accounts, settings, say = services.accounts, services.settings, ui.words()
    with reachable():
        roles = accounts.roles.all()
    yours = [role.role for role in roles if not lacking(current_permissions(), role.permissions)]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(say.title("People"), width="stretch")
        if settings.auth == "password" and st.button(say("people.invite"), icon=":material/link:", type="primary"):
            _ask_whom(accounts, yours)
    if settings.auth == "oidc":
        st.caption(_provided(settings))
    if others := [f"`{role.role}`" for role in roles if role.role not in yours]:
        st.caption(say("people.limits", roles=", ".join(others)))
    example = say("admin_pages.person_example")
    search = st.text_input(say("admin_pages.search"), placeholder=example, on_change=to_first_page, args=(_NUMBER,))
    with reachable():
        invitations = accounts.invitations.all()
        total = accounts.users.count(search)
        found = accounts.users.search(search, limit=PER_PAGE, offset=offset(_NUMBER, total))
    if invitations and not search and settings.auth == "password":
        _invited(accounts, invitations)
    st.caption(say("people.count", n=total))
    if not found:
        ui.empty_state(":material/person_search:", say("admin_pages.no_results"), say("people.nobody"))
    for user in found:
        _row(accounts, user, yours, provided=settings.auth == "oidc")
    pagination(_NUMBER, total)


def _provided(settings: Settings) -> str:
    """Return what `auth=oidc` changes here."""
    say = ui.words()
    text = say("people.provided")
    if not settings.oidc_roles:
        return text
    managed = ", ".join(f"`{role}`" for role in sorted(set(settings.oidc_roles.values())))
    return f"{text} {say('people.provided_roles', roles=managed)}"


def _row(accounts: Accounts, user: User, yours: list[str], *, provided: bool) -> None:
    key, say = f"roles-{user.user_id}", ui.words()
    more = lacking(current_permissions(), user.permissions)
    st.session_state[key] = sorted(user.roles)  # what the database has, whoever changed it
    with st.container(border=True, key=f"person-{user.user_id}"):
        who, may, state = st.columns([3, 4, 2], vertical_alignment="center")
        with who:
            locked = "" if user.active else f"  :gray-badge[{say('people.locked_out')}]"
            st.markdown(f"**{ui.plain(user.name)}**{locked}")
            seen = ui.local_time(user.last_sign_in) if user.last_sign_in else say("people.never")
            known_as = user.email or user.username if provided else user.username
            st.caption(say("people.last_sign_in", name=ui.plain(known_as), when=seen))
        with may:
            st.multiselect(
                say("people.roles_of", name=ui.plain(user.name)),
                sorted({*yours, *user.roles}),
                key=key,
                label_visibility="collapsed",
                placeholder=say("people.no_roles"),
                on_change=_change_roles,
                args=(accounts, user, key),
            )
        with state, st.popover(say("people.manage"), icon=":material/more_horiz:", width="stretch"):
            if more and user.user_id != acting().user_id:
                st.caption(say("people.has_more", permissions=", ".join(f"`{each}`" for each in more)))
            else:
                _manage(accounts, user, key, provided=provided)


def _manage(accounts: Accounts, user: User, key: str, *, provided: bool) -> None:
    say = ui.words()
    if not provided:
        with st.form(f"describe-{key}", border=False):
            name = st.text_input(say("people.name"), user.name, max_chars=LONGEST_NAME)
            example = "name@example.org"  # Streamlit has one in English
            email = st.text_input(say("people.email"), user.email or "", type="email", placeholder=example)
            if st.form_submit_button(say("people.save"), width="stretch"):
                with show_refusal():
                    _describe(accounts, user, name, email)
                    st.rerun()
    if user.active:
        lock_out = say("people.lock_out")
        st.button(lock_out, key=f"lock-{key}", on_click=_set_active, args=(accounts, user, False), width="stretch")
    else:
        admit = say("people.admit")
        st.button(admit, key=f"admit-{key}", on_click=_set_active, args=(accounts, user, True), width="stretch")
    if user.active and not provided and st.button(say("people.reset"), key=f"reset-{key}", width="stretch"):
        with show_refusal():
            secret = _make_reset_link(accounts, user)
            st.dialog(say("people.reset"))(_reset_dialog)(user, secret)


def _invited(accounts: Accounts, invitations: list[Invitation]) -> None:
    say = ui.words()
    with st.container(border=True, key="invitations"):
        st.markdown(say("people.invitations", n=len(invitations)))
        for invitation in invitations:
            whom, how, end = st.columns([3, 4, 2], vertical_alignment="center")
            whom.markdown(ui.plain(invitation.label))
            inviter = ui.plain(invitation.invited_by) or say("admin_pages.command_line")
            whom.caption(say("people.invited_by", name=inviter))
            how.markdown(", ".join(invitation.roles) or say("people.no_roles"))
            how.caption(
                say("people.invited_until", when=ui.local_time(invitation.expires_at))
                if invitation.counts
                else f":orange[{say('people.inviter_lost')}]"
            )
            end.button(
                say("people.withdraw"),
                key=f"withdraw-{invitation.invitation_hash[:16]}",
                help=say("people.withdraw_help", name=ui.plain(invitation.label)),
                on_click=_withdraw,
                args=(accounts, invitation),
                width="stretch",
            )


def _ask_whom(accounts: Accounts, existing: list[str]) -> None:
    st.dialog(ui.words()("people.invite"))(_invite_dialog)(accounts, existing)


def _invite_dialog(accounts: Accounts, existing: list[str]) -> None:
    _close_when_done()
    say = ui.words()
    with st.form("invite", border=False):
        label = st.text_input(say("people.whom"), max_chars=LONGEST_NAME)
        roles = st.multiselect(say("people.roles"), existing, [role for role in existing if role == NEWCOMER])
        st.caption(say("people.link_rule", n=LIFETIME.days))
        if not st.form_submit_button(say("people.make_link"), type="primary", icon=":material/link:"):
            return
    with show_refusal():
        secret = _invite(accounts, label, roles)
        _show_link(say("people.link_text", name=ui.plain(label)), PARAMETER, secret)


def _reset_dialog(user: User, secret: str) -> None:
    _close_when_done()
    hours = password_resets.LIFETIME // timedelta(hours=1)
    text = ui.words()("people.reset_text", name=ui.plain(user.name), n=hours)
    _show_link(text, password_resets.PARAMETER, secret)


def _show_link(text: str, parameter: str, secret: str) -> None:
    st.markdown(text)
    parts = urlsplit(st.context.url or "")
    address = link(secret, f"{parts.scheme}://{parts.netloc}{app_folder()}", parameter=parameter)
    st.code(address, language=None, wrap_lines=True)
    st.button(ui.words()("people.done"), key=_DONE)


def _close_when_done() -> None:
    """Close the dialog. Asked for at its beginning: what it shows at its end is not there in the run after that."""
    if st.session_state.get(_DONE):
        st.rerun()


@requires("admin.people")
def _invite(accounts: Accounts, label: str, roles: list[str]) -> str:
    return accounts.invitations.invite(label, roles, by=acting())


@requires("admin.people")
def _withdraw(accounts: Accounts, invitation: Invitation) -> None:
    with show_refusal():
        accounts.invitations.withdraw(invitation.invitation_hash, by=acting())


@requires("admin.people")
def _make_reset_link(accounts: Accounts, user: User) -> str:
    return accounts.resets.make(user.user_id, by=acting())


@requires("admin.people")
def _change_roles(accounts: Accounts, user: User, key: str) -> None:
    """Give and take what this person added and removed. What others changed meanwhile stays as it is."""
    with show_refusal():
        accounts.users.set_roles(user.user_id, st.session_state[key], seen=user.roles, by=acting())


@requires("admin.people")
def _describe(accounts: Accounts, user: User, name: str, email: str) -> None:
    accounts.users.describe(user.user_id, name=name, email=email, by=acting())


@requires("admin.people")
def _set_active(accounts: Accounts, user: User, active: bool) -> None:
    with show_refusal():
        accounts.users.set_active(user.user_id, active, by=acting())
