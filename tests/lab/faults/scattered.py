"""People upload and download where no load balancer keeps them at a replica: each request goes to another one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256

from core.services import build_services
from core.settings import Settings
from tests.engine import HERE
from tests.engine.office import Office
from tests.engine.uploading import Browser, names
from tests.lab.faults import Fault, Result
from tests.lab.fleet import Fleet
from tests.lab.laboratory import Laboratory, Setup

_MOST = 3
_DESK = HERE / "desk/app.py"


class _Desks(Fleet):
    """A fleet that serves a page with `ui.file_uploader`, and one with Streamlit's own widgets."""

    @contextmanager
    def office(self) -> Iterator[Office]:
        """The fleet's database, with a role for members."""
        settings = Settings(_env_file=None, **self._settings[0])  # type: ignore[call-arg]
        with closing(build_services(settings)) as services:
            services.accounts.roles.save("member", ["desk.hand_in"])
            yield Office(services, self.servers[0], self._settings[0])


def run(laboratory: Laboratory, dose: int) -> Result:
    failures: list[str] = []
    with (
        laboratory.bench() as bench,
        closing(_Desks(bench, min(dose, _MOST), sticky=False, app=_DESK)) as fleet,
        fleet.office() as office,
    ):
        member, handed_in = Browser(office, port=fleet.balancer.port), []
        for _ in range(dose):
            content = secrets.token_hex(8)
            with member.open("counter") as page:
                address = page.upload_address()
                status = member.put(address, content.encode())
                page.run(names(page.labels["Plans"], address))
            handed_in.append(sha256(content.encode()).hexdigest())
            failures += [f"a file for a field was answered with {status}"] if status != 204 else []
            with member.open("chat") as page:
                held = re.findall(r"/media/\w+\.\w+", page.shown)[0]
                address = page.upload_address()
                status = member.put(address, content.encode())
                page.run(names(page.labels["Say it"], address, chat=True))
                failures += [] if content in page.shown else [f"a page had no file, which was answered with {status}"]
                status, body = member.get(held)
                failures += [] if body == b"in memory" else [f"a download was answered with {status}"]
        kept = office.services.engine.open(office.session(member.user_id)).form("desk").values.get("plans", [])
    lost = [digest for digest in handed_in if digest not in {file.digest for file in kept}]
    return Result(
        done=dose,
        acknowledged=len(handed_in),
        failures=[*failures, *(f"the file {digest} is in no field" for digest in lost)],
    )


FAULT = Fault(
    name="scattered",
    says="each request of people who upload and download goes to another of three servers",
    holds="every file is taken and found, at whichever server",
    full=50,
    short=2,
    run=run,
    setups=(Setup.DATABASE,),
    elsewhere="a journal is on one machine",
)
