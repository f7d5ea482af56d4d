"""How long a wrong password takes for a name there is and for one there isn't: the gap must not tell them apart.

Measured through the check the sign-in page makes, streamlit-authenticator included, with real bcrypt work.
Names and pretenders take turns. The counts are cleared before each guess, or the eleventh would not be hashed at all.
"""

from __future__ import annotations

import secrets
import statistics
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from sqlalchemy import delete

from benchmarks.measuring import milli, row, title
from benchmarks.parts import services_in
from core.accounts import COMMAND_LINE
from core.auth.password_check import check_password
from core.services import Services, use_services
from core.storage.models import AttemptModel

ROUNDS = 100
GAP_MS = 5.0
NAME = "ada"

_number = count()


def guess(services: Services, name: str) -> tuple[float, float]:
    """The seconds that went by, and those this thread was at work: the second are the same on a busy machine."""
    with services.database.begin() as connection:
        connection.execute(delete(AttemptModel))
    began, at_work = time.perf_counter(), time.thread_time()
    found = check_password(services.accounts, name, f"guess {next(_number)}", token_hash=None, by=COMMAND_LINE)
    took = time.perf_counter() - began, time.thread_time() - at_work
    if found is not None:
        raise SystemExit("a guess was right")
    return took


def main(url: str | None) -> None:
    title("A wrong password, by name")
    with tempfile.TemporaryDirectory() as folder:
        services = services_in(Path(folder), **({"database_url": url} if url else {}))
        with use_services(services):
            services.accounts.users.create(NAME, "Ada", password=secrets.token_hex())
            guess(services, NAME)
            # The first unknown name of a process is measured, too: nothing may be left to make for it.
            known, unknown = [], [guess(services, "nobody at all")]
            for number in range(ROUNDS):
                known.append(guess(services, NAME))
                unknown.append(guess(services, f"nobody {number}"))
    row("first unknown name of a process, at work", milli(unknown[0][1]))
    for what, which in (("passed", 0), ("at work", 1)):
        one, other = (statistics.median(took[which] for took in times) for times in (known, unknown))
        gap = abs(one - other) * 1000
        measured = f"{milli(one)} beside {milli(other)}: {gap:.2f} ms"
        row(f"known beside unknown, {what}", measured, target=f"under {GAP_MS:g} ms", met=gap < GAP_MS)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
