"""Browsers are signed out by one process while their pages are open, untouched, at two others."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing

from core.services import build_services
from core.settings import Settings
from core.web.token import token_hash
from tests.lab.faults import Fault, Result
from tests.lab.fleet import Fleet
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.page import Page

_GONE_SECONDS = 5.0
_CUT = 1008
"""The code with which a WebSocket is closed of whoever may not go on."""


def run(laboratory: Laboratory, dose: int) -> Result:
    with laboratory.bench() as bench, closing(Fleet(bench, 2)) as fleet, ExitStack() as stack:
        pages = [stack.enter_context(closing(Page(fleet.ports[number % 2]))) for number in range(dose + 1)]
        services = stack.enter_context(closing(build_services(Settings(_env_file=None, **bench.settings()))))  # type: ignore[call-arg]
        *signed_out, stays = pages
        began, took, codes = [], [], []
        for page in signed_out:
            began.append(time.monotonic())
            services.accounts.tokens.revoke(token_hash(page.cookie.partition("=")[2]))
        for page, then in zip(signed_out, began, strict=True):
            codes.append(page.wait_for_end())
            took.append(time.monotonic() - then)
        runs = stays.runs
        stays.begin_run()
        stays.wait_for_runs(runs + 1)
        late = [f"a page stayed for {max(took):.1f} s"] if max(took) > _GONE_SECONDS else []
        return Result(
            done=dose,
            acknowledged=dose,
            failures=[f"a page ended with {code}" for code in codes if code != _CUT],
            too_slow=late,
            figures={"gone after, at most, s": round(max(took), 2)},
        )


FAULT = Fault(
    name="revoked",
    says="a browser is signed out by one process while its page is open, untouched, at another",
    holds="the page is gone within 5 s; others' stay",
    full=50,
    short=0,  # tests/engine/test_open_pages.py does that with one server
    run=run,
    setups=(Setup.DATABASE,),
    elsewhere="a journal is on one machine",
)
