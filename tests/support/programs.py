"""Programs the tests need besides Python's packages. Never skips: what is missing is installed, or named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


class MissingProgramError(Exception):
    """A program is not on this machine, and could not be installed."""


def apt_install(package: str) -> bool:
    """Install a Debian package where that is allowed. Returns whether it was."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", package])
    return not any(
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode
        for command in commands
    )


def find_program(name: str) -> str:
    """Return the path of a program whose Debian package has its name, installed now where it is missing."""
    places = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])  # where Debian has some, and not everybody looks
    found = shutil.which(name, path=places)
    if found is None and apt_install(name):
        found = shutil.which(name, path=places)
    if found is None:
        raise MissingProgramError(f"The tests need {name}. Install the package {name}.")
    return found


def need_strace() -> None:
    """See that strace is there. Only Linux has it."""
    if sys.platform == "linux" and not shutil.which("strace") and not apt_install("strace"):
        raise MissingProgramError("The crash laboratory kills at system calls with strace. Install the package strace.")
