"""One-shot commands: whole processes, from the start of the program to its end, output in a pipe."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import harness

REFERENCE = 'python -c "import sympy"'
POINT = {"a": 2.0, "b": 3.0, "c": -10.0, "f": 5.0}
EXPECTED = (-20.0, 15.0, 10.0, 5.0, -4.0)
"""The value of (a*b+c)*f at the point, and its gradients with respect to a, b, c and f."""

GRAD = ["grad", "(a*b+c)*f", "a=2", "b=3", "c=-10", "f=5"]

SYMPY = """
import sympy
a, b, c, f = names = sympy.symbols("a b c f")
value = (a*b + c)*f
point = {a: 2, b: 3, c: -10, f: 5}
print(*(float(term.subs(point)) for term in [value, *(value.diff(name) for name in names)]))
"""
MICROGRAD = """
from micrograd.engine import Value
a, b, c, f = names = [Value(2.0), Value(3.0), Value(-10.0), Value(5.0)]
value = (a*b + c)*f
value.backward()
print(value.data, *(name.grad for name in names))
"""
AUTOGRAD = """
from autograd import value_and_grad
value, gradients = value_and_grad(lambda p: (p[0]*p[1] + p[2])*p[3])((2.0, 3.0, -10.0, 5.0))
print(value, *gradients)
"""
JAX = """
import jax
jax.config.update("jax_enable_x64", True)
value_and_grad = jax.value_and_grad(lambda a, b, c, f: (a*b + c)*f, argnums=(0, 1, 2, 3))
value, gradients = value_and_grad(2.0, 3.0, -10.0, 5.0)
print(value, *gradients)
"""
TORCH = """
import torch
a, b, c, f = names = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (2, 3, -10, 5)]
value = (a*b + c)*f
value.backward()
print(value.item(), *(name.grad.item() for name in names))
"""
MAXIMA = (
    "(e: (a*b+c)*f, p: [a=2, b=3, c=-10, f=5],"
    " print(subst(p, cons(e, makelist(diff(e, x), x, [a, b, c, f])))))$"
)
GP = (
    "e = (a*b+c)*f; print(substvec([e, deriv(e,a), deriv(e,b), deriv(e,c), deriv(e,f)],"
    " [a, b, c, f], [2, 3, -10, 5]))"
)


def derivative_for_qalc(name: str) -> str:
    """Return a derivative at the point, of an expression in x alone: b and c are units to qalc."""
    text = re.sub(r"[abcf]", lambda found: "x" if found[0] == name else f"({POINT[found[0]]:g})", "(a*b+c)*f")
    return f"diff({text}, x, 1, {POINT[name]:g})"


QALC = f"[(2*3+(-10))*5, {', '.join(map(derivative_for_qalc, POINT))}]"


def numbers(text: str) -> tuple[float, ...]:
    """Return the numbers in a text. maxima puts a space behind a sign, and qalc has a sign of its own."""
    found = re.findall(r"-? ?\d+(?:\.\d*)?", text.replace("−", "-"))
    return tuple(float(text.replace(" ", "")) for text in found)


def of_the_table(text: str) -> tuple[float, ...]:
    """Return the value and the gradients that `backprop grad` shows."""
    gradients = re.findall(r"^[abcf] +input .* (\S+)$", text, flags=re.MULTILINE)
    value = re.findall(r"^v3 = (\S+);", text, flags=re.MULTILINE)
    return tuple(map(float, value + gradients))


@dataclass(frozen=True, slots=True)
class Command:
    """A process to time, and how to see that it did its work."""

    name: str
    argv: list[str]
    expected: object = EXPECTED
    read: Callable[[str], object] = numbers
    stdin: str = ""
    status: int = 0
    slow: bool = False
    package: str = ""
    """The distribution it needs."""

    def __call__(self) -> str:
        """Run it, and return what it prints on either stream."""
        done = subprocess.run(
            self.argv,
            input=self.stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=ENVIRONMENT,
            check=False,
        )
        if done.returncode != self.status:
            raise harness.WrongResultError(
                f"{self.name}: status {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout + done.stderr

    def verify(self) -> None:
        """Raise AbsentError if it cannot run, WrongResultError if it does not print what it should."""
        if not shutil.which(self.argv[0]):
            raise harness.AbsentError("not installed")
        if self.package and not harness.versions([self.package]):
            raise harness.AbsentError("not installed")
        text = self()
        if (got := self.read(text)) != self.expected:
            raise harness.WrongResultError(f"{self.name}: {got} instead of {self.expected}")


# As a user's shell has it: compiled files are kept, and output to a pipe is gathered, plain and of any width.
_DROPPED = ("PYTHON", "FORCE_COLOR", "NO_COLOR", "COLUMNS")
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(_DROPPED)} | {"PYTHONUTF8": "1"}


def says(text: str) -> Callable[[str], object]:
    """Return a reader that looks for a text."""
    return lambda output: text in output


def python(name: str, script: str, package: str, *, slow: bool = False) -> Command:
    """Return a command that runs a script with this Python."""
    return Command(name, [sys.executable, "-c", script], package=package, slow=slow)


def commands() -> list[Command]:
    """Return all contenders, the reference first."""
    ours = str(Path(sys.executable).parent / "backprop")
    return [
        Command(REFERENCE, [sys.executable, "-c", "import sympy"], expected="", read=str),
        Command("`backprop grad`", [ours, *GRAD], read=of_the_table),
        Command("`backprop grad --no-check`", [ours, *GRAD, "--no-check"], read=of_the_table),
        Command("`backprop --help`", [ours, "--help"], expected=True, read=says("Usage: backprop")),
        Command(
            "`backprop grad --no-chek`, a mistake",
            [ours, *GRAD, "--no-chek"],
            status=2,
            expected=True,
            read=says("no option --no-chek"),
        ),
        python("SymPy, a script of five lines", SYMPY, "sympy"),
        python("micrograd, a script", MICROGRAD, "micrograd"),
        python("autograd, a script", AUTOGRAD, "autograd"),
        python("JAX, a script", JAX, "jax", slow=True),
        python("PyTorch, a script", TORCH, "torch", slow=True),
        Command("maxima", ["maxima", "--very-quiet"], stdin=MAXIMA + "\n"),
        Command("qalc", ["qalc", "-t", QALC]),
        Command("gp", ["gp", "-q"], stdin=GP + "\n"),
    ]


def main() -> None:
    """Verify every command, time them in turns, and write the table."""
    options = harness.arguments(__doc__, rounds=21).parse_args()
    contenders, absent = {}, {}
    for command in commands():
        if options.smoke and command.slow:
            absent[command.name] = "slow, not in a smoke run"
            continue
        try:
            command.verify()
            contenders[command.name] = command
        except harness.AbsentError as why:
            absent[command.name] = str(why)
    times = harness.interleave(contenders, rounds=1 if options.smoke else options.rounds)
    rows = [
        [
            name,
            f"{1000 * statistics.median(times[name]):.0f}",
            f"{1000 * min(times[name]):.0f}",
            harness.number(harness.ratio(times, name, REFERENCE)),
        ]
        for name in contenders
    ]
    harness.publish(
        options,
        [
            f"Whole processes, value and four gradients of `(a*b+c)*f`; {len(times[REFERENCE])} rounds.",
            harness.table(["command", "median ms", "least ms", "× `import sympy`"], rows),
            harness.skipped(absent),
            f"Machine: {harness.machine()}.",
            f"Versions: {', '.join(filter(None, [harness.versions(PACKAGES), *programs()]))}.",
        ],
    )


PACKAGES = ["backprop_cli", "sympy", "typer", "micrograd", "autograd", "jax", "torch"]


def programs() -> list[str]:
    """Return the versions of the peers that are not Python packages."""
    asked = {
        "maxima": harness.output_of("maxima", "--version"),
        "qalc": harness.output_of("qalc", "--version"),
    }
    asked["gp"] = harness.output_of("gp", "--version-short")
    return [f"{name} {text.split()[-1]}" for name, text in asked.items() if text.strip()]


if __name__ == "__main__":
    harness.run(main)
