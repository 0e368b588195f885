"""Completion: what is suggested for a half-typed line, and how the shells show it."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from backprop_cli.cli import load_commands
from backprop_cli.cli.completion import suggest
from backprop_cli.cli.words import option_names
from backprop_cli.errors import BackpropError
from conftest import Run
from console import environment

GROUP: Any = get_command(load_commands())
COMMANDS = [name for name, command in GROUP.commands.items() if not command.hidden]
SHELLS = ["bash", "fish", "zsh"]


def words(line: str) -> list[str]:
    return [word for word, _ in suggest(GROUP, line)]


LINES = [
    ("backprop ", COMMANDS),
    ("backprop gr", ["grad", "graph"]),
    ("backprop grad", ["grad"]),
    ("backprop help gr", ["grad", "graph"]),
    ("backprop nope ", []),
    ("backprop --", ["--version", "--help"]),
    ("backprop ops sigm", ["sigmoid"]),
    ("backprop ops sigmoid ", []),
    ("backprop schema gr", ["grad"]),
    ("backprop completion ", SHELLS),
    ('backprop grad "a*b" ', ["a=", "b="]),
    ('backprop grad "a*b" b=3 ', ["a="]),
    ('backprop grad "a*b" a= b = 3 ', ["b="]),
    ('backprop grad "alpha*beta" al', ["alpha="]),
    ('backprop grad "a*b" a=', []),
    ("backprop grad -a*b ", ["a=", "b="]),
    ("backprop grad -h*f --json ", ["h=", "f="]),
    ("backprop grad -- --x ", ["x="]),
    ("backprop grad -- x --", []),
    ("backprop grad 'σ(π*w₁)' ", ["w₁="]),
    ("backprop grad 'π*w' pi=3 ", ["w="]),
    ('backprop grad "k = 2*pi; k*x" ', ["k=", "x="]),
    ("backprop grad a\\*b ", ["a=", "b="]),
    ("backprop grad ", []),
    ("backprop grad - ", []),
    ('backprop grad "a*(b" ', []),
    ('backprop grad "a*b', []),
    ('backprop grad "a*b" --format ', ["table", "json", "csv", "markdown", "latex"]),
    ('backprop grad "a*b" --format=j', ["--format=json"]),
    ('backprop grad "a*b" --color al', ["always"]),
    ('backprop grad "a*b" --digits ', []),
    ('backprop grad "a*b" --nope=', []),
    ('backprop grad "a*b" --fo', ["--format"]),
    ('backprop grad "a*b" --json --js', []),
    ('backprop grad "a*b" --wrt a --wr', ["--wrt"]),
    ('backprop check "e = a*b; e+c" --expect ', ["a=", "b=", "c=", "e=", "value="]),
    ('backprop check "a*b" --expect a=', []),
    ('backprop grad "a*b" --wrt ', ["a", "b"]),
    ("backprop grad a*b --wrt a,", ["a,b"]),
    ("backprop grad a*b --wrt a", ["a", "a,b"]),
    ("backprop grad ab*b*a --wrt=a,b", ["--wrt=a,b", "--wrt=a,b,ab"]),
    ("backprop grad --wrt ", []),
    ("backprop grad --file ", [":files"]),
    ("backprop grad --file=lo", [":files"]),
    ("backprop grad --file /nowhere ", []),
    ("backprop grad --file - ", []),
    ("backprop grad --file / ", []),
    ("  N=1 time ./venv/bin/backprop gra", ["grad", "graph"]),
    ("bp gra", ["grad", "graph"]),
    ("backprop graph --output ", [":files"]),
    ('backprop graph "a*b" --format=s', ["--format=svg"]),
    ("", COMMANDS),
]


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_suggestions(line: str, expected: list[str]) -> None:
    try:
        assert words(line) == expected
    except BackpropError:  # which answer() takes for nothing to suggest
        assert expected == []


@pytest.mark.parametrize(("line", "expected"), LINES[::7])
def test_the_command_prints_suggestions(backprop: Run, line: str, expected: list[str]) -> None:
    done = backprop("__complete", line)
    assert (done.returncode, done.stderr) == (0, "")
    assert [word.partition("\t")[0] for word in done.stdout.splitlines()] == expected


def test_a_suggestion_is_explained() -> None:
    assert dict(suggest(GROUP, "backprop "))["schema"] == "Print the JSON Schema of an output."
    assert dict(suggest(GROUP, "backprop grad x --"))["--wrt"] == "Differentiate by these inputs only."
    assert suggest(GROUP, "backprop ops atan2") == [("atan2", "atan2(y, x)")]
    assert suggest(GROUP, 'backprop grad "k = 2*pi; k*x" k') == [("k=", "default: 2*pi")]


def test_the_inputs_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my loss.txt"
    path.write_text("z = w·x + b\r\na = σ(z)\r\n", encoding="utf-8-sig")
    line = f"backprop grad --file '{path}' "
    assert words(line) == ["w=", "x=", "b="]
    assert words(f"{line}w=1 --wrt ") == ["w", "x", "b"]
    path.write_text("x + " * 100_000 + "x", encoding="utf-8")  # would keep the user waiting
    assert words(line) == []


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert words(f"backprop grad --file {tmp_path / 'pipe'} ") == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command(name: str) -> None:
    command = GROUP.commands[name]
    context = GROUP.make_context("backprop", [], resilient_parsing=True)
    for param in command.get_params(context):
        for option in option_names(param):
            if option.startswith("--") and not param.hidden:
                assert option in words(f"backprop {name} {option[:-1]}")
            if getattr(param.type, "choices", None):
                assert words(f"backprop {name} {option} ") == [*param.type.choices]
            if option in ("--file", "--data", "--suite", "--save-case", "--output"):
                assert words(f"backprop {name} {option} ") == [":files"]


WHOLE = "backprop grad 'k = 2*pi; σ(a)*\\\"k' a=\"1\\\"2\" --wrt=a,k --file 'x --json' -- -a --wrt"
HALVES = [WHOLE[:end] for end in range(len(WHOLE) + 1)]
TAILS = ['"', "'", "\\", " \x00", "\n", "=", " --", " -", "(", "«\ud800", " > ", " --wrt=", " --file "]


def test_half_of_anything_does_no_harm() -> None:
    for line in [*HALVES, *(line + tail for line, _ in LINES[::12] for tail in TAILS)]:
        with suppress(BackpropError):  # which answer() takes for nothing to suggest
            suggest(GROUP, line)


@pytest.mark.parametrize("args", [[], ["\udcff"], ["\x00"], ["backprop", "gr"], ["'" * 1001]], ids=repr)
def test_no_call_of_a_script_fails(args: list[str]) -> None:
    code = f"from backprop_cli.__main__ import run; raise SystemExit(run(['__complete', *{args!r}]))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment(), timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


# ---- the command ----


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_right_shell_code(backprop: Run, shell: str) -> None:
    script = backprop("completion", shell)
    assert (script.returncode, script.stderr) == (0, "")
    assert backprop("completion", SHELL=f"/usr/local/bin/{shell}").stdout == script.stdout
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    checked = subprocess.run([shell, "-n"], input=script.stdout.encode(), capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("shell", "message"), [("/bin/tcsh", "there is no completion for 'tcsh'"), ("", "a shell is missing")]
)
def test_another_shell_is_an_error(backprop: Run, shell: str, message: str) -> None:
    done = backprop("completion", SHELL=shell)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"backprop: {message}\n  hint: one of bash, fish, zsh\n"


def test_nothing_edits_the_files_of_the_shell(backprop: Run) -> None:
    assert "completion  " in backprop("--help").stdout
    assert "--install-completion" not in backprop("--help").stdout


# ---- the shells ----

BASH = """
eval "$(backprop completion bash)"
compopt() { echo "compopt $*"; }
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
set -u
_backprop backprop
for word in ${COMPREPLY[@]+"${COMPREPLY[@]}"}; do echo "<$word>"; done
"""


@pytest.mark.parametrize(
    ("line", "split", "output"),
    [
        ("backprop ba", ["backprop", "ba"], "<batch>\n"),
        (
            'backprop grad "a*b" ',
            ["backprop", "grad", '"a*b"', ""],
            "compopt -o nospace\n" * 2 + "<a=>\n<b=>\n",
        ),
        ("backprop grad x --format=j", ["backprop", "grad", "x", "--format", "=", "j"], "<json>\n"),
        ("backprop grad --file ", ["backprop", "grad", "--file", ""], "compopt -o default\n"),
        ("backprop grad x > ", ["backprop", "grad", "x", ">", ""], "compopt -o default\n"),
        ('backprop grad "a*(b', ["backprop", "grad", '"a*(b'], ""),
    ],
)
def test_bash_is_given_the_words(line: str, split: list[str], output: str) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    done = subprocess.run(
        ["bash", "-c", BASH, "bash", line, *split],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(done.stdout.splitlines()) == sorted(output.splitlines())


START = {
    "bash": ("bash --norc -i", 'eval "$(backprop completion bash)"; PS1="> "'),
    "fish": ("fish --no-config -i", "backprop completion fish | source"),
    "zsh": ("zsh -f -i", 'autoload -Uz compinit; compinit -D; eval "$(backprop completion zsh)"'),
}


class Terminal:
    """An interactive shell, whose keyboard and screen we are."""

    def __init__(self, command: str, home: Path) -> None:
        self.screen, self.device = pty.openpty()
        variables = environment(HOME=str(home), TERM="xterm", PS1="> ", SHELL="", XDG_CONFIG_HOME=str(home))
        # A session's first process that opens a terminal is controlled by it, as a shell expects.
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec {command} < "$0" > "$0" 2>&1', os.ttyname(self.device)],
            env=variables,
            cwd=home,
            start_new_session=True,
        )

    def type(self, keys: str) -> None:
        os.write(self.screen, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """Return what is shown until the pattern is met, without the cursor's movements."""
        shown = ""
        end = time.monotonic() + 30
        while time.monotonic() < end and not re.search(pattern, shown):
            if select.select([self.screen], [], [], 0.2)[0]:
                shown += os.read(self.screen, 4096).decode(errors="replace")
                shown = re.sub(r"\x1b(\[[0-9;?>]*[A-Za-z]|\([A-Z]|[=>])", "", shown)
        assert re.search(pattern, shown), repr(shown)
        return shown

    def close(self) -> None:
        self.process.kill()
        self.process.wait(30)
        os.close(self.screen)
        os.close(self.device)


@pytest.fixture(params=SHELLS)
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    shell = str(request.param)
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command, start = START[shell]
    (tmp_path / "my loss.txt").write_text("k*k")
    terminal = Terminal(command, tmp_path)
    terminal.type(f"{start}; echo rea''dy\r")
    terminal.wait_for(r"(?<!')ready")
    yield terminal
    terminal.close()


def test_a_shell_completes(terminal: Terminal) -> None:
    for keys, pattern in [
        ("backprop grad\t ", r"backprop\s+grad\b"),
        ('"a*b" a=2 \t', r"a=2\s+b="),
        ("3 --format=j\t", r"--format=json"),
        (" --wr\ta,\t", r"\ba,b\b"),
    ]:
        terminal.type(keys)
        terminal.wait_for(pattern)
    terminal.type("\r")
    assert '"gradients": {"a": 3.0, "b": 2.0}' in terminal.wait_for(r"warnings.*\}")


def test_a_shell_lists_inputs(terminal: Terminal) -> None:
    terminal.type('backprop grad "a*b" \t\t')
    terminal.wait_for(r"a=\s+b=")


def test_a_shell_completes_operations_and_files(terminal: Terminal) -> None:
    terminal.type("backprop ops sigm\t")
    terminal.wait_for(r"sigmoid")
    terminal.type("; backprop grad --file=my\t")
    terminal.wait_for(r"--file=my\\ loss.txt")
    terminal.type(" \t")
    terminal.wait_for(r"k=")
