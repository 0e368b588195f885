"""The fuzzer: a short run, and that it finds what is planted."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import fuzz
from backprop_cli.operations.table import OPS, TABLE
from fuzz import Settings, examine, in_process
from fuzzing import functions
from fuzzing.claims import KINDS
from fuzzing.programs import DISGUISES, Node, Program, programs
from fuzzing.reading import read_program
from fuzzing.shrink import shrink
from fuzzing.truth import find_truth

BENCH = Path(__file__).parents[1] / "bench"

# What reports are known to say that is not so, with a program that shows it. A mend takes its line away;
# the short run then looks for that kind too.
KNOWN: dict[str, tuple[str, dict[str, float]]] = {}


Run = Callable[[Program], dict[str, Any]]


def kinds(program: Program, run: Run = in_process, limit: float = 60) -> set[str]:
    return {finding.kind for finding in examine(program, run, limit)[0]}


def ordinary(text: str, **point: float) -> Program:
    return read_program(text, {name: float(x) for name, x in point.items()})


# ---- a short run ----


@pytest.mark.parametrize("check", [True, False])
def test_a_short_run_finds_nothing_new(check: bool) -> None:
    wanted = tuple(kind for kind in KINDS if kind not in KNOWN)
    outcome = fuzz.fuzz(Settings(count=120 if check else 400, check=check, limit=120, kinds=wanted))
    assert not outcome.counts, [f"{t.program.command}: {t.finding}" for t in outcome.told]
    assert outcome.judged > 0.6 * outcome.programs


def test_a_short_run_of_kinks_that_doubles_miss_finds_nothing_new() -> None:
    outcome = fuzz.fuzz(Settings(count=25, limit=120, disguise=True))
    assert not outcome.counts, [f"{t.program.command}: {t.finding}" for t in outcome.told]
    assert outcome.judged > 0.6 * outcome.programs


def test_a_disguise_changes_the_text_and_nothing_that_is_true() -> None:
    plain = ordinary("abs(x - 2)", x=2)
    other = replace(plain, disguises={"x": DISGUISES[0]})
    assert (plain.text, other.text) == ("abs(x-2)", "abs((sqrt(x)^2)-2)")
    assert find_truth(plain) == find_truth(other)
    planted = put(*CLAIM, value={"status": "pass", "digits": 16})
    assert kinds(other, told(planted)) == {"missed"}


@pytest.mark.parametrize("kind", KNOWN)
def test_what_is_known_is_still_found(kind: str) -> None:
    """Where this fails a fault is mended: take its line out of KNOWN."""
    text, point = KNOWN[kind]
    assert kind in kinds(read_program(text, point))


def test_programs_hold_every_operation_and_names_that_are_used_again() -> None:
    made = [program for program, _ in zip(programs(0), range(1500), strict=False)]
    assert {op.name for op in TABLE if not op.special} <= {
        node.op for program in made for node in program.nodes
    }
    assert any(set(program.names.values()) & set(program.point) for program in made)
    assert any(len({*program.names.values()}) < len(program.names) for program in made)


def test_the_script_tells_commands_and_counts() -> None:
    options = ["--count", "40", "--no-check", "--kinds", "value,crash,wrong"]
    done = subprocess.run(
        [sys.executable, BENCH / "fuzz.py", *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("40 programs, ")


# ---- the evaluator ----


@pytest.mark.parametrize("op", [op for op in TABLE if not op.special], ids=lambda op: op.name)
def test_the_evaluator_agrees_inside_every_domain(op) -> None:
    if op.condition:
        return
    for xs in op.domain.inside:
        names = ("x", "y", "z")[: len(xs)]
        nodes = [Node("input", leaf=name) for name in names]
        operands = tuple(range(len(xs)))
        if op.name == "where":
            nodes += [Node("gt", (0, 0)), Node("ge", (0, 0))]
            operands = (3 + int(xs[0]), 1, 2)
        program = Program((*nodes, Node(op.name, operands)), dict(zip(names, xs, strict=True)))
        assert kinds(program) <= {"kink"}, program.command


@pytest.mark.parametrize("op", list(functions.MADE_OF))
def test_an_operation_it_does_not_know_is_taken_from_its_definition(op, monkeypatch) -> None:
    xs = OPS[op].domain.inside[0]
    names = ("x", "y", "z")[: len(xs)]
    nodes = (*(Node("input", leaf=name) for name in names), Node(op, tuple(range(len(xs)))))
    program = Program(nodes, dict(zip(names, xs, strict=True)))
    known = find_truth(program)
    monkeypatch.setattr(functions, "MADE_OF", {})
    found = find_truth(program)
    assert abs(found.value - known.value) <= 1e-290
    for name in names:
        assert abs(found.slopes[name].value - known.slopes[name].value) <= 1e-290


SIDES = [
    ("x^x", {"x": 0}, None, -math.inf),
    ("where(x>0, x*log(x), 0)", {"x": 0}, 0, -math.inf),
    ("x^0.9", {"x": 0}, None, math.inf),
    ("sqrt(abs(x))", {"x": 0}, -math.inf, math.inf),
    ("acos(x)", {"x": 1}, -math.inf, None),
    ("1+sqrt((x*w)^2)", {"x": 0, "w": 3}, -3, 3),
    ("max(x, 2*x)", {"x": 0}, 1, 2),
]
SMOOTH = [
    ("abs(x)^1.1", {"x": 0}, 0),
    ("cbrt(x)^3", {"x": 0}, 1),
    ("sqrt(x^2+y^2)^2", {"x": 0, "y": 0}, 0),
    ("relu(x)-relu(-x)", {"x": 0}, 1),
    ("max(x,0)-x*z+log(1+exp(-abs(x)))", {"x": 0, "z": 1}, -0.5),
    ("sqrt((x-x)^2)", {"x": 3}, 0),
]


@pytest.mark.parametrize(("text", "point", "left", "right"), SIDES, ids=str)
def test_slopes_on_one_side(text, point, left, right) -> None:
    slope = find_truth(ordinary(text, **point)).slopes["x"]
    assert slope.status == "rough"
    for side, expected in ((slope.left, left), (slope.right, right)):
        assert side.exists == (expected is not None)
        assert expected is None or float(side.slope) == pytest.approx(expected, abs=1e-30)


@pytest.mark.parametrize(("text", "point", "expected"), SMOOTH, ids=str)
def test_smooth_where_both_sides_agree(text, point, expected) -> None:
    slope = find_truth(ordinary(text, **point)).slopes["x"]
    assert (slope.status, float(slope.value)) == ("smooth", expected)


def test_what_can_not_be_told_is_not_judged() -> None:
    assert find_truth(ordinary("abs(sin(pi*x))", x=1)).status == "unsure"
    assert find_truth(ordinary("log(x)", x=-1)).status == "no value"


# ---- planted mistakes ----


def told(change: Callable[[dict[str, Any]], None]) -> Run:
    """Return a way to run a program whose report is changed."""

    def run(program: Program) -> dict[str, Any]:
        record = copy.deepcopy(in_process(program))
        change(record)
        return record

    return run


def put(*path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        *parents, last = path
        for key in parents:
            record = record[key]
        record[last] = value

    return change


CLAIM = ("check", "gradients", "x")
PLANTED = [
    ("sin(x)", 0.3, put("value", value=math.nextafter(math.sin(0.3), 1)), "value"),
    ("(1-cos(x))/x^2", 1e-4, put(*CLAIM, "digits", value=16), "digits"),
    ("(1-cos(x))/x^2", 0.01, put(*CLAIM, "digits", value=0), "too few digits"),
    ("(1-cos(x))/x^2", 1e-4, put("check", "value_digits", value=14), "value digits"),
    ("x^2", 3.0, put(*CLAIM, "zero_within", value=10.0), "zero"),
    ("x^2", 3.0, put(*CLAIM, "status", value="fail"), "false alarm"),
    ("x^2", 3.0, put(*CLAIM, "value", value="6.0000000000000000000001"), "many digits"),
    ("x^2", 3.0, put("check", "value", value="9.0000000000000000000000000001"), "many digits"),
    ("x^2", 3.0, put("gradients", "x", value="Infinity"), "undefined"),
    ("x^2", 3.0, put(*CLAIM, "kink", value={"left": 6.0, "right": 6.0}), "kink"),
    ("abs(x)", 0.0, put(*CLAIM, "kink", "left", value=1.0), "sides"),
    ("abs(x)", 0.0, put(*CLAIM, value={"status": "pass", "digits": 16}), "missed"),
    ("x^2", 3.0, put("check", "reason", value="the value does not exist"), "no value"),
    ("abs(x)", 2.0, put("error", value={"kind": "domain", "message": "abs overflows"}), "refused"),
    ("abs(x)", 2.0, put("error", value={"kind": "parse", "message": "abs?"}), "language"),
    ("log(x+1)", 2.0, put("gradients", "x", value=0.25), "digits"),
]


@pytest.mark.parametrize(
    ("text", "x", "change", "kind"), PLANTED, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_planted_claim_is_found(text, x, change, kind) -> None:
    program = ordinary(text, x=x)
    assert kind not in kinds(program)
    assert kind in kinds(program, told(change))


def test_a_wrong_partial_is_found(monkeypatch) -> None:
    """Off by a ten-millionth, which no rounding is."""
    row = OPS["sinh"]
    right = row.partials
    monkeypatch.setattr(type(row), "__setattr__", object.__setattr__)
    off = 1 + 2**-23
    monkeypatch.setattr(
        row, "partials", lambda fixed: (lambda m, y, x: right(fixed)[0](m, y, x) * m.number(off),)
    )
    program = ordinary("sinh(x)*y", x=0.7, y=2)
    assert "wrong" in kinds(program)
    assert "wrong" in kinds(program, lambda p: in_process(p, check=False))
    outcome = fuzz.fuzz(Settings(count=300, check=False, kinds=("wrong",), shown=1))
    assert "sinh" in {node.op for node in outcome.told[0].program.nodes}


def test_crashes_and_hangs_are_found() -> None:
    def crash(_: Program) -> dict[str, Any]:
        raise OverflowError("34")

    def hang(_: Program) -> dict[str, Any]:
        while True:
            pass

    program = ordinary("x", x=1)
    assert kinds(program, crash) == {"crash"}
    assert kinds(program, hang, limit=0.1) == {"hang"}


def test_findings_are_made_small() -> None:
    program = ordinary("e = exp(w)*3; d = tan(e) + floor(x*y); sin(d)/2 + e", x=0.7, y=2.71828, w=-1.234)
    small = shrink(program, lambda p: any(node.op == "floor" for node in p.nodes), seconds=20)
    assert small.command.startswith("backprop grad 'floor(")
    assert len(small.nodes) == 2
