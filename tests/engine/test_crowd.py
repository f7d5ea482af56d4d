"""What an edit of somebody in a crowd costs, in counts: `benchmarks/crowd.py` measures what it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from benchmarks.people import People
from tests.engine import HERE
from tests.engine.office import Office
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.xdist_group("servers")

CROWD, EDITS = 3, 2


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office.opened(tmp_path_factory.mktemp("office"), app=HERE / "desk/counted.py", debounce_delay=3600) as office:
        yield office


def ask(office: Office, what: str) -> Any:
    with urlopen(f"http://127.0.0.1:{office.server.port}/keep/{what}", timeout=60) as answer:
        return json.load(answer)


def counts(office: Office) -> dict[str, int]:
    found: dict[str, int] = ask(office, "counts")
    return found


def test_each_edit_reads_the_journal_and_asks_who_it_is_once_as_it_comes_and_once_in_its_run(office: Office) -> None:
    people = [office.person() for _ in range(CROWD)]
    cookies = [office.cookie(office.sign_in(person)) for person in people]
    with People(office.server.port, cookies, "sheet") as crowd:
        crowd_of = crowd.open(CROWD)
        crowd.edit(CROWD, pause=0.1, edits=1)
        office.services.engine.flush()  # the sessions have their rows from then on
        crowd.edit(CROWD, pause=0.1, edits=1)
        before = counts(office)
        crowd.edit(CROWD, pause=0.1, edits=EDITS)
        after = counts(office)
    spent = {name: number - before.get(name, 0) for name, number in after.items() if number != before.get(name, 0)}
    twice_an_edit = 2 * CROWD * EDITS
    assert spent == {"reads of the journal": twice_an_edit, "queries of the identity": twice_an_edit}
    entered = [office.services.engine.open(office.session(person)).form("sheet").values["f1"] for person in people]
    assert all(entered)
    # Streamlit joins some of them, as it comes.
    assert all(person.messages <= 24 for person in crowd_of), "of fields that stay nothing is told again"
    assert all(person.size < 15_000 for person in crowd_of), "no script comes again"


def test_what_a_tab_has_in_memory_ends_with_it(office: Office) -> None:
    before = counts(office)["tabs"]
    cookies = [office.cookie(office.sign_in(office.person())) for _ in range(CROWD)]
    with People(office.server.port, cookies, "sheet") as crowd:
        crowd.open(CROWD)
        crowd.edit(CROWD, pause=0.1, edits=1)
        assert counts(office)["tabs"] == before + CROWD
    ended: list[int] = []
    wait_until(lambda: ended.append(ask(office, "end")) or sum(ended) >= CROWD, "their pages are over")
    assert counts(office)["tabs"] == before
