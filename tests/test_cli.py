"""The installed command: examples, exit status, streams, errors."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import Run
from console import BIN, environment, in_terminal, run_forked, run_installed

EXAMPLE = ("grad", "(a*b+c)*f", "a=2", "b=3", "c=-10", "f=5")
COMMAND = str(BIN / "backprop")

GRADIENTS = [
    ("(a*b+c)*f", "a=2 b=3 c=-10 f=5", -20, {"a": 15, "b": 10, "c": 5, "f": -4}),
    ("e = a*b; d = e + c; L = d*f", "a=2 b=3 c=-10 f=5", -20, {"a": 15, "b": 10, "c": 5, "f": -4}),
    ("(a × b + c) × f", "a=2 b=3 c=-10 f=5", -20, {"a": 15, "b": 10, "c": 5, "f": -4}),
    ("Input*Weight", "Input=3 Weight=5 --upstream 10", 15, {"Input": 50, "Weight": 30}),
    ("x + b", "x=1 b=2 --upstream 10", 3, {"x": 10, "b": 10}),
    ("relu(x)", "x=3 --upstream 10", 3, {"x": 10}),
    ("relu(x)", "x=-2 --upstream 10", 0, {"x": 0}),
    ("-a*b", "a=2 b=3", -6, {"a": -3, "b": -2}),
    ("-h*f", "h=1 f=2", -2, {"h": -2, "f": -1}),
    ("-w", "w=2", -2, {"w": -1}),
    ("--x", "x=2", 2, {"x": 1}),
    ("a*b + a*b + a", "a=2 b=3", 14, {"a": 7, "b": 4}),
    ("where(x > 0, sqrt(x), 0)", "x=-1", 0, {"x": 0}),
    ("x^2", "x=1/2", 0.25, {"x": 1}),
]


@pytest.mark.parametrize(("program", "arguments", "value", "gradients"), GRADIENTS)
def test_gradients(backprop: Run, program: str, arguments: str, value: float, gradients: object) -> None:
    done = backprop("grad", program, *arguments.split(), "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["value"] == value
    assert report["gradients"] == gradients
    assert report["check"]["status"] == "pass"


def test_every_name_is_free(backprop: Run) -> None:
    values = ["E=1", "S=2", "N=3", "I=4", "lambda=2", "beta=0.5"]
    report = json.loads(backprop("grad", "E*S + N*I - lambda^beta", *values, "--json").stdout)
    assert list(report["gradients"]) == ["E", "S", "N", "I", "lambda", "beta"]
    assert report["value"] == 14 - 2**0.5


@pytest.mark.parametrize(
    "order",
    [
        ["--json", "a*b", "a=2", "b=3"],
        ["a*b", "--json", "a=2", "b=3"],
        ["a*b", "a=2", "b=3", "--json"],
        ["--format", "json", "a*b", "a=2", "--upstream=1", "b=3"],
        ["--json", "--", "a*b", "a=2", "b=3"],
    ],
)
def test_options_stand_anywhere(backprop: Run, order: list[str]) -> None:
    done = backprop("grad", *order)
    assert json.loads(done.stdout)["gradients"] == {"a": 3, "b": 2}


def test_inputs_to_differentiate_by_add_up(backprop: Run) -> None:
    done = backprop("grad", "a*b*c", "a=2", "b=3", "c=4", "--wrt", "a", "--wrt=c,a", "--json")
    assert json.loads(done.stdout)["gradients"] == {"a": 12, "c": 6}


def test_a_program_from_standard_input_has_its_own_point(backprop: Run) -> None:
    done = backprop("grad", "-", "a=4", "--json", stdin="a = 2\nb = 3\nL = a*b  # area\n")
    report = json.loads(done.stdout)
    assert report["value"] == 12
    assert report["gradients"] == {"a": 3, "b": 4}
    assert report["output"] == "L"


def test_a_program_from_a_file(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "loss.txt"
    path.write_text("z = w·x + b\r\na = σ(z)\r\n", encoding="utf-8-sig")
    done = backprop("grad", "--file", str(path), "w=1", "x=2", "b=-2", "--json")
    assert json.loads(done.stdout)["gradients"] == {"w": 0.5, "x": 0.25, "b": 0.25}


ERRORS = [
    (
        ["grad", "a 2 + b", "a=1", "b=2"],
        2,
        "an operator is missing in 'a 2'",
        "  a 2 + b\n  ^^^",
        "did you mean a*2?",
    ),
    (["grad", "a*b", "a=2"], 2, "b has no value", "  a*b\n    ^", "add b=VALUE"),
    (["grad", "a*b", "a=2", "b=3", "bb=4"], 2, "bb is not in the program", "", "did you mean b?"),
    (
        ["grad", "__import__('os').system('id')"],
        2,
        "__import__ is not a function that is known here",
        "  __import__('os').system('id')\n  ^^^^^^^^^^^^^^^^",
        "",
    ),
    (
        ["grad", "log(x - 3)", "x=1"],
        3,
        "log needs an operand > 0, got x - 3 = -2",
        "  log(x - 3)\n      ^^^^^",
        "",
    ),
    (
        ["grad", "log(1+exp(x))", "x=1000"],
        3,
        "exp(x) overflows: it is beyond 1.79769e308, got x = 1000",
        "  log(1+exp(x))\n        ^^^^^^",
        "log(1 + exp(x)) → softplus(x)",
    ),
    (
        ["grad", "exp(x)/(1+exp(x))", "x=1000"],
        3,
        "exp(x) overflows: it is beyond 1.79769e308, got x = 1000",
        "  exp(x)/(1+exp(x))\n  ^^^^^^",
        "exp(x)/(1 + exp(x)) → sigmoid(x)",
    ),
    (
        ["grad", "asin(x)", "x=1.0000000001"],
        3,
        "asin needs an operand from -1 to 1, got x = 1.0000000001",
        "  asin(x)\n       ^",
        "",
    ),
    (["grad", "1/x", "x=0"], 3, "1/x needs a divisor other than 0, got x = 0", "  1/x\n  ^^^", ""),
    (["grad", "a*b", "--jsn"], 2, "there is no option --jsn", "", "did you mean --json?"),
    (["grad", "a*b", "a=2", "b=3", "--wrt", "c"], 2, "c is not in the program", "", "the inputs are a and b"),
    (["grad", "a*b", "a=2", "b=3", "--wrt"], 2, "--wrt needs a value", "", "backprop grad --help"),
    (["grad", "a*b", "a=2", "b=3", "--wrt", ","], 2, "--wrt names no input", "", "--wrt a,b"),
    (["grad", "a", "a=1", "--upstream", ""], 2, "--upstream is given no value", "", "--upstream 10"),
    (["grad", "--file", ""], 2, "--file names no file", "", "--file FILE, or --file - for standard input"),
    (
        ["grad", "--file", "/nowhere", "a*b", "a=2"],
        2,
        "'a*b' is not of the form NAME=VALUE",
        "  a*b\n  ^^^",
        "the program comes from --file; beside it stand only values, such as a=2",
    ),
    (
        ["grad", "a*b", "a:2"],
        2,
        "'a:2' is not of the form NAME=VALUE",
        "  a:2\n  ^^^",
        "write a=2 or a=[1, 2, 3]; a:2, a shape without values, is for graph, export, fit and minimize",
    ),
    (["grad", "a*b", "a=2", "-q"], 2, "there is no option -q", "", "did you mean --quiet?"),
    (["grad", "a*b", "a=2", "-c"], 2, "there is no option -c", "", "did you mean --check or --color?"),
    (["grad", "a*b", "a=2", "-x"], 2, "there is no option -x", "", "backprop grad --help"),
    (
        ["grad", "a", "+", "b", "a=1"],
        2,
        "'+' is not of the form NAME=VALUE",
        "  +\n  ^",
        "the program is 'a'; put quotes around one that has spaces, parentheses or *",
    ),
    (["grad"], 2, "a program is missing", "", 'backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5'),
    (["a*b", "a=2"], 2, "there is no command 'a*b'", "", 'did you mean: backprop grad "a*b" a=2'),
    (["-a*b", "a=2"], 2, "there is no command '-a*b'", "", 'did you mean: backprop grad "-a*b" a=2'),
    (
        ["--quiet", "grad", "a*b"],
        2,
        "there is no option --quiet before the command",
        "",
        "options stand behind the command: backprop grad --quiet …",
    ),
    (
        ["--wrt=a", "a*b"],
        2,
        "there is no option --wrt before the command",
        "",
        "options stand behind the command: backprop grad --wrt …",
    ),
    (
        ["--jsn"],
        2,
        "there is no option --jsn",
        "",
        "backprop --help shows the commands, backprop COMMAND --help the options",
    ),
    (["help", "gard"], 2, "there is no command 'gard'", "", "did you mean grad?"),
    (["completion", "tcsh"], 2, "there is no completion for 'tcsh'", "", "one of bash, fish, zsh"),
    (["gard", "x"], 2, "there is no command 'gard'", "", "did you mean grad?"),
    (["grad", "x", "x=1", "--digits", "0"], 2, "--digits can't be '0'", "", "a number from 1 to 17, or full"),
    (["grad", "--file", "/nowhere"], 2, "can't read /nowhere: No such file or directory", "", ""),
    (["schema", "gard"], 2, "there is no schema 'gard'", "", "did you mean grad?"),
    (["grad", "a*b", "a=2", "b"], 2, "'b' is not of the form NAME=VALUE", "  b\n  ^", "write b=2"),
    (
        ["grad", "x[red]", "x=1"],
        2,
        "x is given a number, so it has no [red]",
        "  x[red]\n    ^^^",
        "",
    ),
]


@pytest.mark.parametrize(("args", "status", "message", "caret", "hint"), ERRORS, ids=lambda x: str(x)[:30])
def test_errors(backprop: Run, args: list[str], status: int, message: str, caret: str, hint: str) -> None:
    done = backprop(*args)
    assert done.returncode == status
    assert done.stdout == ""
    expected = "\n".join(filter(None, [f"backprop: {message}", caret, hint and f"  hint: {hint}"]))
    assert done.stderr == expected + "\n"


def test_an_error_as_json(backprop: Run) -> None:
    done = backprop("grad", "log(x - 3)", "x=1", "--json")
    assert done.returncode == 3
    assert done.stdout == ""
    assert json.loads(done.stderr) == {
        "error": {
            "kind": "domain",
            "message": "log needs an operand > 0, got x - 3 = -2",
            "text": "log(x - 3)",
            "start": 4,
            "end": 9,
            "hint": "",
        }
    }


@pytest.mark.parametrize("args", [["grad", "--json"], ["grad", "a", "--json", "--nope"], ["nope", "--json"]])
def test_usage_errors_as_json(backprop: Run, args: list[str]) -> None:
    done = backprop(*args)
    assert done.returncode == 2
    assert json.loads(done.stderr)["error"]["kind"] == "usage"


def test_a_gradient_that_does_not_exist(backprop: Run) -> None:
    done = backprop("grad", "x^n", "x=-2", "n=2", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["gradients"] == {"x": -4, "n": "NaN"}
    assert json.loads(done.stderr)["error"]["hint"] == "--wrt x asks for the others"
    assert backprop("grad", "x^n", "x=-2", "n=2", "--wrt", "x").returncode == 0
    assert json.loads(backprop("grad", "sqrt(x)", "x=0", "--json").stdout)["gradients"] == {"x": "Infinity"}


def test_an_overflow_on_the_way_is_told(backprop: Run) -> None:
    done = backprop("grad", "1/(x*y)", "x=1e200", "y=1e200", "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["value"] == 0
    assert report["check"]["reason"] == "found from both sides"  # by series, which do not overflow
    assert [w["kind"] for w in report["warnings"]] == ["overflow", "digits"]  # the value is 1e-400


def test_quiet_prints_nothing(backprop: Run) -> None:
    done = backprop("grad", "relu(x)", "x=0", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_version(backprop: Run) -> None:
    assert re.fullmatch(r"backprop \d+\.\d+\.\d+\n", backprop("--version").stdout)


def test_run_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backprop_cli", *EXAMPLE, "--json"],
        capture_output=True,
        env=environment(),
        check=True,
    )
    assert json.loads(done.stdout)["value"] == -20


# ---- streams ----


def shell(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment(**variables),
        timeout=120,
        check=False,
    )


def test_a_closed_pipe_ends_quietly() -> None:
    done = shell(f"{COMMAND} grad 'a*b' a=2 b=3 | head -1")
    assert done.stdout.startswith("node")
    assert done.stderr == ""
    program = ";".join(f"x{i + 1} = x{i}*1.01" for i in range(3000))
    done = shell(f"{COMMAND} grad '{program}' x0=1 --all --no-check | head -1")
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")  # noqa: PTH110
@pytest.mark.parametrize("args", ["grad 'a*b' a=2 b=3", "grad x x=1 --all", "--version", "schema grad"])
def test_a_full_disk_is_told(args: str) -> None:
    done = shell(f"{COMMAND} {args} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == "backprop: can't write the output: No space left on device\n"


def test_closed_streams_are_no_traceback() -> None:
    done = shell(f"{COMMAND} grad 'a*b' a=2 b=3 >&-")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert shell(f"{COMMAND} grad 'relu(x)' x=0 2>&-").returncode == 0
    assert shell(f"{COMMAND} grad - <&-").returncode == 2


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C", "LANG": "C"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "cp1252"},
        {"HOME": ""},
        {"TERM": "dumb", "FORCE_COLOR": "1"},
        {"COLUMNS": "0"},
        {"COLUMNS": "abc"},
        {"NO_COLOR": "1", "FORCE_COLOR": "1"},
    ],
    ids=str,
)
def test_no_environment_is_a_traceback(backprop: Run, variables: dict[str, str]) -> None:
    done = backprop("grad", "σ = w₁*x; y = relu(σ)", "w₁=0", "x=2", **variables)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("node")


def test_ascii_has_a_form_of_its_own(backprop: Run) -> None:
    done = backprop("grad", "a*b", "a=2", "b=3", PYTHONIOENCODING="ascii")
    assert "dv1/da = 3" in done.stdout


def test_ctrl_c_ends_with_130() -> None:
    program = ";".join(f"x{i + 1} = x{i}*1.001" for i in range(100_000))
    with subprocess.Popen(
        [COMMAND, "grad", "-", "x0=1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        process.stdin.write(program.encode())
        process.stdin.close()
        time.sleep(0.7)  # whatever it is doing by then
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.parametrize("end", ["raise KeyboardInterrupt", "return 130  # Typer caught it"])
def test_ctrl_c_waits_for_no_thread(end: str) -> None:
    code = (
        "import threading, backprop_cli.__main__ as command\n"
        "def interrupted():\n"
        "    print('so far')\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
        f"    {end}\n"
        "command._run = interrupted\n"
        "command.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "so far\n", "")


@pytest.mark.parametrize("columns", ["100", "80", "60", "40", "20"])
def test_a_terminal_of_any_width_shows_every_number(columns: str) -> None:
    shown = in_terminal(
        [COMMAND, "grad", "C = (sigmoid(w*a + b) - y)^2", "w=0.5", "a=2", "b=-0.3", "y=1"],
        COLUMNS=columns,
        TERM="xterm",
        NO_COLOR="1",
    )
    assert all(len(line) <= int(columns) for line in shown.splitlines())
    assert "…" not in shown
    for number in ("0.668188", "-0.331812", "0.221713", "-0.147134", "-0.294268", "0.110099"):
        assert number in shown


def test_colour_follows_the_conventions(backprop: Run) -> None:
    command = [COMMAND, *EXAMPLE]
    assert "\x1b[" in in_terminal(command, TERM="xterm")
    assert "\x1b[" not in in_terminal(command, TERM="xterm", NO_COLOR="1")
    assert "\x1b[" not in in_terminal(command, TERM="dumb")
    assert "\x1b[" not in in_terminal([*command, "--color", "never"], TERM="xterm")
    assert "\x1b[" not in backprop(*EXAMPLE).stdout
    assert "\x1b[" in backprop(*EXAMPLE, FORCE_COLOR="1").stdout
    assert "\x1b[" in backprop(*EXAMPLE, "--color", "always").stdout


@pytest.mark.parametrize(
    ("args", "stdin"),
    [([*EXAMPLE, "--json"], ""), (["grad", "-"], "α = -1; log(α)"), (["gard"], "x" * 100_000)],
    ids=["result", "error", "mistake"],
)
def test_a_fork_of_the_tests_is_as_the_installed_command(args: list[str], stdin: str) -> None:
    forked, installed = run_forked(args, stdin), run_installed(args, stdin)
    for stream in ("returncode", "stdout", "stderr"):
        assert getattr(forked, stream) == getattr(installed, stream)


def test_control_characters_do_not_reach_the_terminal(backprop: Run) -> None:
    done = backprop("grad", "a \x1b[31m b", "a=1", "b=2")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["check", "--suite", "bad.toml", "--suite", "good.toml"],
        ["grad", "a", "a=1", "--upstream", "2", "--upstream", "3"],
        ["grad", "a", "a=1", "--format=csv", "--format", "csv"],
    ],
)
def test_an_option_of_one_value_is_given_once(backprop: Run, args: list[str]) -> None:
    done = backprop(*args)
    assert done.returncode == 2
    assert (
        f"{next(arg for arg in args if arg.startswith('--')).partition('=')[0]} is given twice" in done.stderr
    )


def test_options_that_add_up_are_given_as_often_as_wanted(backprop: Run) -> None:
    done = backprop("grad", "a*b", "a=1", "b=2", "--wrt", "a", "--wrt", "b", "--json", "--json")
    assert done.returncode == 0


def test_alone_it_shows_its_help(backprop: Run) -> None:
    alone, asked = backprop(), backprop("--help")
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, asked.stdout, "")


def test_a_program_that_the_shell_made_names_of_files_of_is_told(tmp_path: Path) -> None:
    for name in ("axb", "ayb"):
        (tmp_path / name).touch()
    for words in ("a*b", "a*b a=1 b=2", "x * y"):
        done = subprocess.run(
            ["bash", "-c", f"{COMMAND} grad {words}"],
            cwd=tmp_path, capture_output=True, text=True, env=environment(), timeout=60, check=False,
        )  # fmt: skip
        file = "axb" if words[0] == "x" else "ayb"
        assert (done.returncode, done.stderr) == (
            2,
            (
                f"backprop: '{file}' is not of the form NAME=VALUE, but a file\n"
                '  hint: a shell reads a*b as a pattern of names of files; put quotes around it: "a*b"\n'
            ),
        )
