"""What a project's own `main.py` does, with a page of ten text fields more."""

from core import bootstrap_session, get_session_manager, ui
from core.auth import require_sign_in
from core.discovery import App, PageSpec, discover
from core.router import Router


def sheet() -> None:
    for number in range(10):
        ui.text_input(f"Field {number}", form="sheet", field=f"f{number}", key=f"f{number}")


APP = App(title="Sheet")
SHEET = PageSpec(name="sheet", title="Sheet", icon="", order=1, app=APP, app_name="sheet", function=sheet)


def main() -> None:
    ui.set_page()
    bootstrap_session()
    manager = get_session_manager()
    router = Router(manager, [*discover(), SHEET])
    require_sign_in(manager.identity)
    ui.user_menu(manager)
    with ui.save_status(manager):
        router.run()
        ui.restored_notice(manager, router.title)


main()
