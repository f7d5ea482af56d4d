"""A group of commands."""

from __future__ import annotations

import click


class CommandGroup(click.Group):
    """Tells in full what its commands do; click itself cuts that off to one line each."""

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.commands[name].get_short_help_str(500)) for name in sorted(self.commands)])
