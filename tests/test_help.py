"""--help of every command: the same text everywhere, short, and with examples."""

from __future__ import annotations

import re
from typing import Any

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


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_short_and_has_examples(backprop: Run, name: str) -> None:
    text = backprop(name, "--help").stdout
    assert f"\n    backprop {name}" in text.partition("  Examples:\n")[2]
    assert all(len(line) <= 80 for line in text.splitlines())


def test_the_summaries_are_whole(backprop: Run) -> None:
    text = backprop("--help").stdout
    for name in COMMANDS:
        assert re.search(rf"^  [\w ]{{11}}  {name} +[^.]+\.$", text, re.MULTILINE)
    for status in range(4):
        assert re.search(rf"\bStatus: .*\b{status} \w", text)


def test_every_command_stands_behind_its_job(backprop: Run) -> None:
    rows = re.findall(r"^  ([a-z][\w ]{10}| {11})  (\w+)  ", backprop("--help").stdout, re.MULTILINE)
    jobs: dict[str, str] = {}
    for job, name in rows:
        jobs[name] = job.strip() or jobs[list(jobs)[-1]]
    assert list(jobs) == COMMANDS
    assert list(dict.fromkeys(jobs.values())) == [
        "compute",
        "check",
        "learn",
        "many points",
        "elsewhere",
        "shell",
    ]
    assert jobs["explain"] == jobs["graph"] == "learn"


def test_all_commands_are_one_screen() -> None:
    group: Any = get_command(load_commands())
    lines = group.make_context("backprop", [], resilient_parsing=True).get_help().splitlines()
    assert len(lines) < 24  # the last line of a screen is the next prompt
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("name", ["check", "explain", "graph", "batch"])
def test_what_several_commands_take_is_the_same(name: str) -> None:
    commands: Any = get_command(load_commands())
    options = {p.name: p for p in commands.commands[name].params}
    for param in commands.commands["grad"].params:
        if param.name in ("arguments", "file", "wrt", "upstream", "quiet", "color"):
            other = options[param.name]
            assert (other.opts, other.default, other.help) == (param.opts, param.default, param.help)
