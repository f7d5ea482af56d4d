"""Write the reference of the documentation site from the code: names and docstrings, settings, commands, routes."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from pydantic import SecretStr

PROJECT = Path(__file__).resolve().parent.parent / "{{cookiecutter.project}}"
MODULES = {
    "core": "Sessions, forms and who is there: what every script may import",
    "core.ui": "Widgets, forms, tables and texts of a page",
    "core.router": "Pages and apps",
    "core.permissions": "Who may open a page or do something",
    "core.db": "Tables of your own",
    "core.cache": "Cached results that follow the data",
    "core.testing": "Tests of pages",
}


def reference() -> dict[str, str]:
    """Return the pages, by their names."""
    names = {module.replace(".", "-"): _module(module, title) for module, title in MODULES.items()}
    return names | {"settings": _settings(), "commands": _commands(), "routes": _routes()}


# Names


def _module(name: str, title: str) -> str:
    module = importlib.import_module(name)
    signatures = _stub() if name == "core.ui" else {}
    entries = [_entry(module, each, signatures) for each in public_names(module)]
    return "\n".join([f"# `{name}`: {title}", "", *entries])


def public_names(module: ModuleType) -> list[str]:
    """Return what a module offers: its `__all__`, or what is written or taken into it without an underscore."""
    if module.__name__ == "core.permissions":
        return ["current_permissions", "require", "requires"]
    if module.__name__ == "core.router":
        return ["App", "page", "visible_pages"]
    found = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and (module.__name__ == "core.ui" or value.__module__ == module.__name__)
    ]
    return sorted(found, key=str.lower)


def _entry(module: ModuleType, name: str, signatures: dict[str, str]) -> str:
    value = getattr(module, name)
    full = f"{module.__name__}.{name}"
    if not inspect.isclass(value):
        return _described("function", full + signatures.get(name, _signature(value)), _text(value))
    methods = "\n".join(_members(value))
    return _described(
        "class",
        full + ("" if value.__module__ == "core.db" else _signature(value)),
        f"{_text(value)}\n\n{methods}",
        deeper=True,
    )


def _members(owner: type) -> Iterator[str]:
    for name in dict.fromkeys(name for each in reversed(owner.__mro__) for name in vars(each)):
        source = next((each for each in owner.__mro__ if name in vars(each)), owner)
        if name.startswith("_") or not source.__module__.startswith("core."):
            continue
        member = inspect.getattr_static(owner, name)
        if isinstance(member, property):
            yield _described("property", name, _text(member.fget))
        elif isinstance(member, classmethod | staticmethod) or inspect.isfunction(member):
            yield _described(
                "method",
                name + _signature(getattr(owner, name)).replace("(self, ", "(").replace("(self)", "()"),
                _text(member),
            )


def _described(kind: str, signature: str, text: str, *, deeper: bool = False) -> str:
    fence = "::::" if deeper else ":::"
    apart = ":no-index:\n" if signature.startswith("core.testing.Person") else ""  # core.Person is another
    return f"{fence}{{py:{kind}}} {signature}\n{apart}\n{text.strip()}\n{fence}\n"


def _signature(value: Any) -> str:
    try:
        return str(inspect.signature(value)).replace("'", "")
    except (TypeError, ValueError):
        return ""


def _text(value: Any) -> str:
    text = inspect.getdoc(value) or ""
    if "\nParameters\n---" in text:  # one of Streamlit's widgets, with its own description
        name = value.__name__
        first = text.split("\n\n")[0].replace("\n", " ")
        return f"{first}\n\nTakes and returns what `st.{name}` does. `form` and `field` say where the value is kept."
    return textwrap.dedent(text)


def _stub() -> dict[str, str]:
    """Return the signatures of the widgets as the stub of `core.ui` has them, without types, which are Streamlit's."""
    tree = ast.parse((PROJECT / "core" / "ui" / "__init__.pyi").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            for argument in (*node.args.args, *node.args.kwonlyargs):
                argument.annotation = None
            found.setdefault(node.name, f"({ast.unparse(node.args)})".replace("=...", ""))
    return found


# Settings, commands, routes


def _settings() -> str:
    from core.settings import Settings

    texts = _attribute_docstrings(Settings)
    lines = [
        "# Settings",
        "",
        "A setting is an environment variable or a line of `.env`. A project's `.env.example` explains each.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        shown = "nothing" if default in (None, (), {}, "") else f"`{default}`"
        lines += [
            f"## `{name.upper()}`",
            "",
            texts.get(name, "").replace("\n", " ").strip() or _values(field.annotation),
            "",
        ]
        lines += [f"Default: {shown}. Example: `{name.upper()}={(field.examples or [''])[0]}`", ""]
    return "\n".join(lines)


def _values(annotation: Any) -> str:
    return " or ".join(f"`{value}`" for value in getattr(annotation, "__args__", ()))


def _attribute_docstrings(owner: type) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    body: list[ast.stmt] = getattr(tree, "body", [])
    found = {}
    for node, after in itertools.pairwise(body):
        if isinstance(node, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[str(node.target.id)] = inspect.cleandoc(str(after.value.value))  # type: ignore[union-attr]
    return found


def _commands() -> str:
    from core.commands.manage import manage

    lines = [
        "# Commands",
        "",
        "`make help` lists the targets of `make`. Everything else is a command of `manage.py`:",
        "",
    ]
    return "\n".join([*lines, *_command(manage, ".venv/bin/python manage.py")])


def _command(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if member := command.get_command(context, name):
                yield from _command(member, f"{path} {name}")
        return
    usage = " ".join(command.collect_usage_pieces(context))
    name, text = path.partition("manage.py ")[2], inspect.cleandoc(command.help or "")
    yield f"## `{name}`\n\n{text}\n\n```text\n{path} {usage}\n```\n"
    options = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    shown = [record for record in options if record]
    if shown:
        yield "\n".join(
            ["| option | |", "|---|---|", *(f"| `{name}` | {text.replace('|', '/')} |" for name, text in shown), ""]
        )


def _routes() -> str:
    from core.web import routes

    lines = [
        "# Routes",
        "",
        "The routes of the engine. All that a server answers, Streamlit's own included, and for whom, is in",
        "[Security](../project/docs/security.md#routes). Your own routes: [how](../how-to/add-an-api-route.md).",
        "",
    ]
    for route in routes():
        text = textwrap.dedent(inspect.getdoc(route.endpoint) or "")
        lines += [f"## `{', '.join(sorted((route.methods or set()) - {'HEAD'}))} {route.path}`", "", text, ""]
    return "\n".join(lines)
