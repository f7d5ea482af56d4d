"""The log: lines for people in development, one JSON object a line in production.

Secrets and stored values don't belong in a log. Tracebacks are therefore plain, without local variables, and a
field that is named like something private is written as `[withheld]`, whoever logs it.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Literal, TextIO, cast

import structlog
from structlog.processors import CallsiteParameter
from structlog.typing import EventDict, Processor, WrappedLogger

_PRIVATE = {"cookie", "key", "keys", "password", "secret", "secret_key", "ticket", "token", "value", "values"}


class _Unfailing:
    """A stream that drops what can't be written: on a full disk a line is lost, not the edit it was about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure_logs(
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"], *, production: bool, stream: TextIO | None = None
) -> None:
    """Write what is logged from `level` on to `stream`, the standard error if not given."""
    renderer: list[Processor] = [
        structlog.dev.ConsoleRenderer(
            colors=(stream or sys.stderr).isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]
    if production:
        renderer = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.CallsiteParameterAdder({CallsiteParameter.MODULE}),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _withhold,
            *renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(stream or sys.stderr))),
        cache_logger_on_first_use=False,
    )


def _withhold(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name in _PRIVATE & event.keys():
        event[name] = "[withheld]"
    return event
