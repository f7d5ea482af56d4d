"""Says that a port is taken, and which one to take instead, before a server tries. Needs nothing but Python."""

from __future__ import annotations

import argparse
import socket
import sys

_LAST = 65_535


def is_free(port: int) -> bool:
    """Return whether a port of this machine is free."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what is closing doesn't count
        try:
            listener.bind(("", port))
        except OSError:
            return False
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description="Fail with a remedy if a port is taken.")
    parser.add_argument("port", type=int, choices=range(1, _LAST + 1), metavar="PORT")
    port = parser.parse_args().port
    if is_free(port):
        return 0
    free = next((other for other in range(max(port, 1024) + 1, _LAST + 1) if is_free(other)), None)
    print(f"Error: port {port} is taken. Run: make run PORT={free or 8501}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
