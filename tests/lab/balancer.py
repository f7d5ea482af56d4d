"""HAProxy before the replicas: with a sticky cookie, or one request here and the next one there."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.lab.postgres import free_port
from tests.support.programs import find_program

_CONFIGURATION = """\
defaults
  mode http
  option forwardfor
  option redispatch 1
  retries 3
  timeout check 5s
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend people
  bind 127.0.0.1:{port}
  default_backend replicas
backend replicas
  balance roundrobin
  {cookie}
  option httpchk GET /keep/ready
  default-server check inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{servers}
"""


class Balancer:
    """A running HAProxy. `port` is where people come in."""

    def __init__(self, ports: Sequence[int], folder: Path, *, sticky: bool = True) -> None:
        program = find_program("haproxy")
        self.port = free_port()
        servers = [
            f"  server r{number} 127.0.0.1:{port}" + (f" cookie r{number}" if sticky else "")
            for number, port in enumerate(ports)
        ]
        file = folder / f"haproxy-{self.port}.cfg"
        file.write_text(
            _CONFIGURATION.format(
                port=self.port,
                cookie="cookie replica insert indirect nocache httponly" if sticky else "",
                servers="\n".join(servers),
            )
        )
        with (folder / "haproxy.log").open("ab") as log:
            self.process = subprocess.Popen([program, "-db", "-f", str(file)], stdout=log, stderr=log)

    def close(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
