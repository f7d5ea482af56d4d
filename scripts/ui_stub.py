"""Write the types of `core.ui`: Streamlit's own signatures of its widgets, with `form` and `field`.

    PYTHONPATH="{{cookiecutter.project}}" python -m scripts.ui_stub

Type checkers and editors read the stub in place of `core/ui/__init__.py`. It follows from that file and the Streamlit
that is installed; `make lock` renews it.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import streamlit as st

from core import ui

UI = Path(__file__).parent.parent / "{{cookiecutter.project}}" / "core" / "ui"
STUB = UI / "__init__.pyi"
_WIDTH = 120

_RETURNS = {"UploadedFile": "KeptFile"}
"""Types that `core.ui` returns instead of Streamlit's."""


def render() -> str:
    """Return the text of the stub."""
    imports: dict[str, set[str]] = {"collections.abc": {"Callable"}, "typing": {"Any", "TypeVar", "overload"}}
    again, functions = list[str](), list[str]()
    for name, module in _exports():
        if hasattr(st, name) and _added(name):
            functions += _signatures(name, imports)
        else:
            again.append(f"from {module} import {name} as {name}")
    variables = sorted(imports.pop("streamlit", ()))
    head = [
        f"import {module}" if " as " in module else f"from {module} import {', '.join(sorted(names))}"
        for module, names in sorted(imports.items())
    ]
    lines = ["# Written by scripts/ui_stub.py of the template.", "", *_wrapped(head), "", *again, ""]
    lines += [f'{name} = TypeVar("{name}")' for name in variables]
    lines += ["", *functions]
    return "\n".join(lines) + "\n"


def _exports() -> Iterator[tuple[str, str]]:
    """Yield each public name of `core.ui`, and the module it comes from."""
    tree = ast.parse((UI / "__init__.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((alias.name, node.module) for alias in node.names)


def _signatures(name: str, imports: dict[str, set[str]]) -> list[str]:
    function = inspect.unwrap(getattr(st, name).__func__)
    module = sys.modules[function.__module__]
    tree = ast.parse(inspect.getsource(module))
    found = [
        node
        for part in tree.body
        if isinstance(part, ast.ClassDef) and part.name == function.__qualname__.split(".")[0]
        for node in part.body
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    overloads = [node for node in found if any(ast.unparse(each) == "overload" for each in node.decorator_list)]
    names = _names_of(tree, module.__name__)
    lines = list[str]()
    for node in overloads or found[:1]:
        lines += ["@overload"] if overloads else []
        lines += _signature(node, _added(name))
        for each in ast.walk(ast.Module([*_annotations(node)], [])):
            if isinstance(each, ast.Name) and not hasattr(builtins, each.id) and each.id not in _RETURNS:
                origin = "streamlit" if _is_plain_type_variable(names[each.id], each.id) else names[each.id]
                imports.setdefault(origin, set()).add(each.id)
    return lines


def _added(name: str) -> list[str]:
    """Return the parameters that a function of `core.ui` has besides Streamlit's; none for one that is no widget."""
    theirs, ours = (inspect.signature(getattr(place, name)).parameters for place in (st, ui))
    added = [each for each in ours.values() if each.name not in theirs]
    if "field" not in ours:
        return []
    return [f"{each.name}: {each.annotation}{'' if each.default is each.empty else ' = ...'}" for each in added]


def _annotations(node: ast.FunctionDef) -> Iterator[ast.stmt]:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    for annotation in [*(each.annotation for each in arguments), node.returns]:
        if annotation is not None:
            yield ast.Expr(annotation)


def _signature(node: ast.FunctionDef, added: list[str]) -> list[str]:
    plain, keywords = node.args.args[1:], node.args.kwonlyargs
    first = len(plain) - len(node.args.defaults)
    parameters = [_parameter(each, has_default=number >= first) for number, each in enumerate(plain)]
    parameters += ["*", *added]
    parameters += [
        _parameter(each, has_default=given is not None)
        for each, given in zip(keywords, node.args.kw_defaults, strict=True)
    ]
    returns = ast.unparse(node.returns) if node.returns else "None"
    for theirs, ours in _RETURNS.items():
        returns = returns.replace(theirs, ours)
    return _filled(f"def {node.name}(", parameters, f") -> {returns}: ...")


def _parameter(argument: ast.arg, *, has_default: bool) -> str:
    annotation = ast.unparse(argument.annotation) if argument.annotation else "Any"
    return f"{argument.arg}: {annotation}{' = ...' if has_default else ''}"


def _names_of(tree: ast.Module, module: str) -> dict[str, str]:
    """Return the module that each name of a module's annotations is imported from."""
    names = dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: node.module for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: f"{alias.name} as {alias.asname}" for alias in node.names}
        elif isinstance(node, ast.ClassDef):
            names.setdefault(node.name, module)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {each.id: module for each in targets if isinstance(each, ast.Name) and each.id not in names}
    return names


def _is_plain_type_variable(module: str, name: str) -> bool:
    """Return whether a name is a type variable without a bound, which several modules define under one name."""
    found = getattr(sys.modules.get(module), name, None)
    return isinstance(found, TypeVar) and not found.__constraints__ and found.__bound__ is None


def _filled(head: str, parts: list[str], tail: str) -> list[str]:
    inner = ", ".join(parts)
    if len(head + inner + tail) <= _WIDTH:
        return [head + inner + tail]
    glued = ", ".join(part.replace(" ", "\0") for part in parts)
    wrap = textwrap.wrap(glued, _WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return [head, *("    " + line.replace("\0", " ") for line in wrap), tail]


def _wrapped(imports: list[str]) -> list[str]:
    lines = list[str]()
    for line in imports:
        head, _, names = line.partition(" import ")
        lines += [line] if len(line) <= _WIDTH else _filled(f"{head} import (", names.split(", "), ")")
    return lines


if __name__ == "__main__":
    STUB.write_text(render())
