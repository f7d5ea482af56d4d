"""The script that each tab runs, from top to bottom, at each interaction."""

from core import bootstrap_session, get_session_manager, ui
from core.auth import require_sign_in
from core.errors import SessionUnavailableError
from core.router import Router


def main() -> None:
    ui.set_page()
    try:
        bootstrap_session()
    except SessionUnavailableError as error:
        ui.cards.reconnecting(error)
        return
    manager = get_session_manager()
    router = Router(manager)  # before signing in, so that a deep link is where one lands after it
    require_sign_in(manager.identity)
    ui.user_menu(manager)
    with ui.save_status(manager):
        router.run()
        ui.restored_notice(manager, router.title)


main()
