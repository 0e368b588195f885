"""--help of every command: the same text everywhere, short, and with examples."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from backprop_cli.cli import load_commands
from conftest import Run
from console import BIN, in_terminal

COMMANDS = [name for name, command in get_command(load_commands()).commands.items() if not command.hidden]
COMMAND = str(BIN / "backprop")

ENVIRONMENTS = [
    {"GITHUB_ACTIONS": "1", "COLUMNS": "40"},
    {"FORCE_COLOR": "1", "COLUMNS": ""},
    {"NO_COLOR": "1", "COLUMNS": "200"},
]


@pytest.mark.parametrize("args", [[], *([name] for name in COMMANDS)], ids=lambda args: " ".join(args))
def test_help_is_the_same_everywhere(backprop: Run, args: list[str]) -> None:
    done = backprop(*args, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    for variables in ENVIRONMENTS:
        assert backprop(*args, "--help", **variables).stdout == done.stdout
    assert in_terminal([COMMAND, *args, "--help"], 40, TERM="xterm") == done.stdout
    assert in_terminal([COMMAND, *args, "--help"], 200, TERM="xterm", FORCE_COLOR="1") == done.stdout
    assert backprop(*args, "-h").stdout == done.stdout
    assert backprop("help", *args).stdout == done.stdout


@pytest.mark.parametrize("args", [[], *([name] for name in COMMANDS)], ids=lambda args: " ".join(args))
def test_help_is_short_and_has_examples(backprop: Run, args: list[str]) -> None:
    text = backprop(*args, "--help").stdout
    assert f"\n    {' '.join(['backprop', *args])}" in text.partition("  Examples:\n")[2]
    assert all(len(line) <= 80 for line in text.splitlines() if "backprop " not in line)


def test_the_summaries_are_whole(backprop: Run) -> None:
    text = backprop("--help").stdout
    for name in COMMANDS:
        assert re.search(rf"^  {name} +[^.]+\.$", text, re.MULTILINE)
    for status in range(4):
        assert f"\n    {status}  " in text
