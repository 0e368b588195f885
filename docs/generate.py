"""Write the pages of this folder that are made from the code: ``python docs/generate.py``.

The help of the commands is the source of the reference and of the manual page.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent, wrap
from typing import Any, NamedTuple

from typer.main import get_command

from backprop_cli import __version__, gradient
from backprop_cli.cli import load_commands
from backprop_cli.curves.trace import trace_curve
from backprop_cli.draw.curves import plane_of
from backprop_cli.draw.curves_svg import render_curves
from backprop_cli.draw.diagram import Arrow, Box, Diagram, diagram_of_report
from backprop_cli.draw.svg import render_svg
from backprop_cli.errors import Status
from backprop_cli.language.source import read_source
from backprop_cli.render.operations import render_markdown
from rooms import FACES, between_rooms, modules, read_imports, read_map, without_shortcuts

DATE = "2026-11-22"
"""Of the version: a manual page has to bear one."""

ENVIRONMENT = {
    "COLUMNS": "The width to draw for, instead of the terminal's.",
    "FORCE_COLOR": "If it is not empty, colour is used also where the output is not a terminal.",
    "NO_COLOR": "If it is not empty, no colour is used.",
    "SHELL": "The shell whose script backprop completion prints by default.",
    "TERM": "If it is dumb, no colour is used.",
}


class Block(NamedTuple):
    """A part of a help text: a paragraph, or lines to be left as they are, which may have a title."""

    title: str
    paragraph: str
    lines: list[str]


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {
        "backprop.1": manual(),
        "cli.md": reference(),
        "operations.md": render_markdown(),
        "neuron.svg": picture(),
        "plot.svg": plot(),
        "architecture.svg": stages(),
    }


def picture() -> str:
    """Return the picture that the README shows."""
    report = gradient("z = w*x + b; a = sigmoid(z); C = (a - y)^2", w=0.5, x=2, b=-0.3, y=1)
    return render_svg(diagram_of_report(report), theme="auto")


def plot() -> str:
    """Return the picture that the page on plots shows."""
    sources = [read_source(program) for program in ("1/x", "relu(x) + 1", "sqrt(x + 2)")]
    curves = [trace_curve(source, {}, "x", -3.0, 3.0) for source in sources]
    return render_curves(plane_of(curves, slopes=False, height=(-5.0, 5.0)), "x", theme="auto")


def stages() -> str:
    """Return the rooms of the package and what each is built on, less what a longer way says as well."""
    graph = without_shortcuts(between_rooms(read_imports(modules())))
    order = [room for room in read_map() if graph.get(room) or any(room in found for found in graph.values())]
    boxes = tuple(Box(room, "", "", "", "output" if room in FACES else "step") for room in order)
    arrows = tuple(
        Arrow(order.index(source), order.index(target), argnum, "")
        for target in order
        for argnum, source in enumerate(sorted(graph[target], key=order.index))
    )
    return render_svg(
        Diagram("The rooms of backprop_cli", order[-1], boxes, arrows, has_numbers=False), theme="auto"
    )


def contexts() -> list[Any]:
    """Return the context of the group and those of its commands, which know all about them."""
    group: Any = get_command(load_commands())
    top = group.make_context("backprop", [], resilient_parsing=True)
    shown = [(name, command) for name, command in group.commands.items() if not command.hidden]
    return [top, *(c.make_context(name, [], parent=top, resilient_parsing=True) for name, c in shown)]


def blocks(text: str | None) -> list[Block]:
    r"""Return the parts of a help text. \b stands above lines that are left as they are."""
    found = []
    for part in re.split(r"\n\s*\n", dedent(text or "").strip()):
        if part.startswith("\b"):
            _, first, *rest = part.splitlines()
            title, lines = (first.removesuffix(":"), rest) if first.endswith(":") else ("", [first, *rest])
            found.append(Block(title, "", dedent("\n".join(lines)).splitlines()))
        elif part:
            found.append(Block("", " ".join(part.split()), []))
    return found


# ---- the reference, in Markdown ----


def reference() -> str:
    """Return the page with the help of every command."""
    sections = [f"## {c.command_path}\n\n```text\n{c.get_help().rstrip()}\n```\n" for c in contexts()]
    return (
        "# Commands\n\n"
        "<!-- Made by `python docs/generate.py`; a test fails when it is stale. -->\n\n"
        "What `--help` says of each command.\n\n" + "\n".join(sections)
    )


# ---- the manual page, in roff ----

_ROFF = str.maketrans({"\\": r"\e", '"': r"\(dq", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"})


def roff(text: str) -> str:
    """Return a line of text as roff reads it. Only the hyphen inside of a word stays one."""
    text = "".join(c if c.isascii() else rf"\[u{ord(c):04X}]" for c in text.translate(_ROFF))
    text = re.sub(r"(?<![-\w])[A-Za-z]+-(?=[A-Za-z])|-", lambda m: m[0] if len(m[0]) > 1 else r"\-", text)
    return rf"\&{text}" if text.startswith(".") else text


def manual() -> str:
    """Return backprop(1)."""
    top, *commands = contexts()
    purpose = blocks(top.command.help)[0].paragraph.rstrip(".")
    lines = [
        r".\" Made by python docs/generate.py; a test fails when it is stale.",
        f'.TH BACKPROP 1 {DATE} "backprop {__version__}" "User Commands"',
        ".SH NAME",
        rf"backprop \- {roff(purpose[0].lower() + purpose[1:])}",
        ".SH SYNOPSIS",
    ]
    for context in commands:
        usage = " ".join(context.command.collect_usage_pieces(context))
        lines += [rf"\fB{context.command_path}\fR {roff(usage)}", ".br"]
    lines[-1] = ".SH DESCRIPTION"
    lines += [*_text(top.command.help), ".SH OPTIONS", *_parameters(top), ".SH COMMANDS"]
    for context in commands:
        lines.append(f".SS {context.command_path}")
        lines += [*_text(context.command.help), *_parameters(context), *_text(context.command.epilog)]
    lines += [".SH EXAMPLES", *_block(Block("", "", [_example(context) for context in commands]))]
    lines.append(".SH EXIT STATUS")
    for status in Status:
        lines += _entry(str(int(status)), status.meaning)
    lines.append(".SH ENVIRONMENT")
    for variable, text in ENVIRONMENT.items():
        lines += _entry(variable, text)
    # Behind a heading a paragraph begins by itself.
    return re.sub(r"^(\.S[HS] .*)\n\.PP\n", r"\1\n", "\n".join(lines), flags=re.MULTILINE) + "\n"


def _example(context: Any) -> str:
    """Return the first example of a command."""
    (first, *_), *_ = (block.lines for block in blocks(context.command.epilog) if block.title == "Examples")
    return str(first)


def _parameters(context: Any) -> list[str]:
    """Return the arguments of a command, and then its options, as entries."""
    params = sorted(context.command.get_params(context), key=lambda p: p.param_type_name != "argument")
    records = [param.get_help_record(context) for param in params]
    return [line for record in records if record for line in _entry(*record)]


def _text(text: str | None) -> list[str]:
    return [line for block in blocks(text) for line in _block(block)]


def _block(block: Block) -> list[str]:
    lines = [".PP"]
    if block.title:
        lines.append(f"{roff(block.title)}:")
    lines += _prose(block.paragraph)
    rows = [re.fullmatch(r"(\S+)  (.+)", line) for line in block.lines]
    if all(rows):  # a table, such as that of exit statuses
        return [*lines, *(line for row in rows if row for line in _entry(row[1], row[2]))]
    return [*lines, ".RS 4", ".EX", *map(roff, block.lines), ".EE", ".RE"]


def _entry(term: str, text: str) -> list[str]:
    return [".TP", rf"\fB{roff(term)}\fR", *_prose(" ".join(text.split()))]


def _prose(text: str) -> list[str]:
    return [roff(line) for line in wrap(text, 76, break_long_words=False, break_on_hyphens=False)]


if __name__ == "__main__":
    for name, page in pages().items():
        (Path(__file__).parent / name).write_text(page, encoding="utf-8")
