"""One process of several that guess passwords at once, run by `test_throttle.py`: the real check, its hashes counted.

    python -m tests.engine.guessing GUESSES THREADS URL...

For each database it waits for a line on standard input, and prints what became of the guesses.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import bcrypt
import streamlit_authenticator  # noqa: F401 - takes long, and shall not be part of what is counted

from core.accounts import Accounts, Actor
from core.auth.password_check import check_password
from core.clock import SystemClock
from core.errors import ThrottledError
from core.storage.database import open_database

SECRET = "the same in all processes"


def main(guesses: int, threads: int, urls: list[str]) -> None:
    counted: Counter[str] = Counter()
    checkpw = bcrypt.checkpw

    def counting(password: bytes, hashed_password: bytes) -> bool:
        counted["hashed"] += 1
        return checkpw(password, hashed_password)

    bcrypt.checkpw = counting
    for url in urls:
        accounts = Accounts(open_database(url), SystemClock(), session_timeout=3600, password_rounds=4, secret=SECRET)
        print("ready", flush=True)
        sys.stdin.readline()
        counted.update(dict.fromkeys(("hashed", "wrong", "throttled"), 0))
        with ThreadPoolExecutor(threads) as pool:
            counted.update(pool.map(partial(guess, accounts), range(guesses)))
        print(json.dumps(counted), flush=True)
        counted.clear()
        accounts.close()


def guess(accounts: Accounts, number: int) -> str:
    # Each from another address, so that it is the account that is guarded.
    by = Actor(address=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
    try:
        found = check_password(accounts, "ada", f"guess number {number}", token_hash=None, by=by)
    except ThrottledError:
        return "throttled"
    return "right" if found else "wrong"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
