"""Two fields are left 0-100 ms apart and the page is gone right after, as when somebody types, tabs on and presses F5.

Each edit stops the run of the one before it, and the page's end stops the last, so hardly a callback gets to its end.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from core.services import Services, build_services
from core.settings import Settings
from core.state.paths import field_path
from core.web.token import anonymous_session_id
from tests.lab import sheet
from tests.lab.chance import chance
from tests.lab.checker import Violation, misread
from tests.lab.faults import Fault, Result
from tests.lab.laboratory import Bench, Laboratory
from tests.lab.page import Page
from tests.lab.server import Server
from tests.lab.waiting import PATIENCE_SECONDS, wait_until

_SIDE_BY_SIDE = 4
_KEYS = {"sheet.one": field_path("sheet", "one"), "sheet.two": field_path("sheet", "two")}
_APART_SECONDS = 0.1
_SOON_SECONDS = 2.0
"""The same where nothing can come later, because something is left out."""


def run(laboratory: Laboratory, dose: int) -> Result:
    """Half of it with Streamlit's `fastReruns`, where an edit stops the run at once, and half without."""
    with laboratory.bench() as bench:
        lost = play(bench, dose - dose // 2) + play(bench, dose // 2, fast_reruns=False)
    return Result(done=dose, acknowledged=2 * dose, violations=lost)


def play(
    bench: Bench, dose: int, *, without: str = "", fast_reruns: bool = True, in_a_run: bool = False
) -> list[Violation]:
    """Do it `dose` times in all, by several people side by side.

    `without` names what the sheet leaves out. With `in_a_run` both edits meet a run that has begun; without
    `fast_reruns` it ends before anything is done about them, and then the page is gone.
    """
    shares = [len(range(person, dose, _SIDE_BY_SIDE)) for person in range(min(_SIDE_BY_SIDE, dose))]
    log, options = bench.folder / "server.log", {"runner_fastReruns": str(fast_reruns).lower()}
    server = Server(bench.settings(), log, app=sheet.APP, without=without, port=None, **options)
    with closing(server), ThreadPoolExecutor(_SIDE_BY_SIDE) as side_by_side:
        patience = _SOON_SECONDS if without else PATIENCE_SECONDS
        found = side_by_side.map(lambda share: _person(bench, server, share, patience, in_a_run), shares)
        return [violation for lost in found for violation in lost]


def _person(bench: Bench, server: Server, times: int, patience: float, in_a_run: bool) -> list[Violation]:
    """One browser, its page opened anew each time. Returns what was not durable, or not on the page opened next."""
    lost: list[Violation] = []
    before: set[str | None] = set()
    page = Page(server.port)
    settings = Settings(_env_file=None, **bench.settings())  # type: ignore[call-arg]
    secret = settings.secret_key.get_secret_value()
    session = anonymous_session_id(page.cookie.partition("=")[2], secret)
    services = build_services(settings)
    with closing(services.engine):
        for number in range(times):
            texts = {key: f"{number} {chance().random()}" for key in _KEYS}
            if in_a_run:
                page.begin_run()
            for key, text in texts.items():
                page.commit(key, text)
                time.sleep(chance().uniform(0, _APART_SECONDS) if key == "sheet.one" and not in_a_run else 0)
            page.close()
            lost += _missing(services, session, texts, before, patience)
            page = Page(server.port, page.cookie)
            shown = {key: text or None for key, text in page.fields.items()}
            lost += [
                misread((session, key), shown[key], text, before) for key, text in texts.items() if shown[key] != text
            ]
            before.update(texts.values())
        page.close()
    return lost


def _missing(
    services: Services, session: str, texts: dict[str, str], before: set[str | None], patience: float
) -> list[Violation]:
    """What another process doesn't find once there was time enough: `patience` in seconds."""
    values: dict[str, str] = {}

    def complete() -> bool:
        values.update(services.engine.open(session).values)
        return all(values.get(_KEYS[key]) == text for key, text in texts.items())

    try:
        wait_until(complete, "both edits are durable", seconds=patience)
    except TimeoutError:
        return [
            misread((session, path), values.get(path), texts[key], before)
            for key, path in _KEYS.items()
            if values.get(path) != texts[key]
        ]
    return []


FAULT = Fault(
    name="pairs",
    says="two fields left 0-100 ms apart, and the page gone right after",
    holds="committed lost: 0, and the page opened next shows both",
    full=1000,
    short=20,
    run=run,
)
