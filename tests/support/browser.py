"""Finds a Chromium, or installs one. Never skips: without a browser the tests fail and say so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.support.programs import MissingProgramError, apt_install

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WINDOWLESS = ("chromium-headless-shell", "chrome-headless-shell")
"""The same engine without what makes it a browser for people: a page takes it two thirds of the processor's time."""

# A container has no user namespaces for the sandbox and no graphics card, and its camera and microphone are made up.
# The rest keeps the browser quiet.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-quic",
    "--disable-background-networking",
]


class NoBrowserError(MissingProgramError):
    """There is no Chromium on this machine, and none could be installed."""


@cache
def find_chromium() -> str:
    """Return the path of a Chromium: CHROMIUM_PATH, one on the PATH, Playwright's own, or one installed now."""
    if path := os.environ.get("CHROMIUM_PATH"):
        if not os.access(path, os.X_OK):
            raise NoBrowserError(f"CHROMIUM_PATH is {path!r}, which is no program.")
        return path
    if path := _present():
        return path
    return (_present() if apt_install("chromium") else None) or _install_playwright()


@cache
def find_windowless() -> str:
    """Return the path of Chromium's headless shell, or of any Chromium where there is none and none can be had.

    It has no profile on the disk: what is told there, such as to block all cookies, or has to be there after it was
    closed, takes `find_chromium`.
    """
    if "CHROMIUM_PATH" in os.environ:
        return find_chromium()
    return _shell() or (_shell() if apt_install(WINDOWLESS[0]) else None) or find_chromium()


def _shell() -> str | None:
    return next((path for name in WINDOWLESS if (path := shutil.which(name))), None)


def _present() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None) or _playwrights_own()


def _playwrights_own() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def _install_playwright() -> str:
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if path := _playwrights_own():
        return path
    raise NoBrowserError(
        "The tests drive a real browser and found none: not in CHROMIUM_PATH, not on the PATH "
        f"({', '.join(NAMES)}), and Playwright could not install its own:\n{result.stdout}\n"
        "Install Chromium, or set CHROMIUM_PATH to one."
    )
