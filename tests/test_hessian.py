"""Second derivatives: of every row, at the corners, of programs, at kinks; critical points; the command."""

from __future__ import annotations

import csv
import io
import json
import math
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from backprop_cli import DomainError, InputError, hessian
from backprop_cli.calculus.along import product_along
from backprop_cli.calculus.curvature import curvature
from backprop_cli.calculus.hessian import _judge
from backprop_cli.calculus.local import CORNERS, Bend, second_partials
from backprop_cli.certain import critical as critical_module
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.bounded import Bounded, bounded_reals
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Op
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.operations.table import TABLE
from backprop_cli.report import Outcome
from backprop_cli.schemas import schema_text

INF, NAN = math.inf, math.nan
FINE, MANY = bounded_reals(50), mpmath_namespace(120)

INSIDE = [
    pytest.param(op, xs, id=f"{op.name}{xs}")
    for op in TABLE
    if not op.condition and not op.takes_condition and not op.variadic
    for xs in op.domain.inside
    if not (op.kink and op.kink.at(FLOAT, xs, [False] * len(xs)))
]


@pytest.mark.parametrize(("op", "xs"), INSIDE)
def test_second_partials_are_differences_of_the_first(op: Op, xs: tuple[float, ...]) -> None:
    """Against central differences of the row's partial in 120 digits; both triangles."""
    fixed = [False] * len(xs)
    found = second_partials(op, [FINE.number(x) for x in xs], fixed, FINE)
    assert not found.jumps
    h = MANY.mp.mpf(10) ** -40
    for k in range(op.arity):
        for j in range(op.arity):
            ends = []
            for side in (-1, 1):
                at = [MANY.number(x) for x in xs]
                at[j] += side * h
                ends.append(op.partial(MANY, k, op.value(MANY, *at), at, fixed))
            true = (ends[1] - ends[0]) / (2 * h)
            number = found.partials.get((min(k, j), max(k, j)), FINE.zero).value
            if true != true:
                assert number != number
            else:
                assert abs(number - true) <= 1e-30 * (1 + abs(true)), (k, j, number, true)


AT_CORNERS = [
    ("x^0", {"x": 0}, 0.0),
    ("x^1", {"x": 0}, 0.0),
    ("x^2", {"x": 0}, 2.0),
    ("x^3", {"x": 0}, 0.0),
    ("x^4", {"x": 0}, 0.0),
    ("x^2.5", {"x": 0}, "jump 0"),
    ("x^2", {"x": -3}, 2.0),
    ("x^y", {"x": 0, "y": 2}, 2.0),
    ("x^y", {"x": 2, "y": 0}, 0.0),
    ("sinc(x)", {"x": 0}, -1 / 3),
    ("softplus(x)", {"x": 0}, 0.25),
    ("silu(x)", {"x": 0}, 0.5),
    ("where(x > 0, sqrt(x), 0)", {"x": -1}, 0.0),
    ("relu(-sqrt(x) - 1) + x*x", {"x": 0.25}, 2.0),
    ("leaky_relu(x, 0.25)*x", {"x": -1}, 0.5),
    ("1 - cos(x)", {"x": 1e-300}, 1.0),
    ("(1 - cos(x))/x^2", {"x": 1e-9}, -1 / 12),
]


@pytest.mark.parametrize(("program", "point", "second"), AT_CORNERS, ids=[text for text, *_ in AT_CORNERS])
def test_corners_of_second_order(program: str, point: dict[str, float], second: Any) -> None:
    entry = hessian(program, point).entries["x"]["x"]
    if isinstance(second, str):
        assert entry.at_kink
        assert entry.right == 0
    else:
        assert entry.value == pytest.approx(second, rel=1e-15, abs=0)


def test_nothing_is_said_of_a_variable_exponent_at_a_base_of_zero() -> None:
    report = hessian("x^y", x=0, y=2)
    assert math.isnan(report.entries["y"]["y"].value)
    assert math.isnan(report.entries["x"]["y"].value)


def test_every_corner_belongs_to_a_row() -> None:
    assert CORNERS.keys() <= {op.name for op in TABLE}


KINKS = [
    ("abs(x)*x", -2.0, 2.0),
    ("relu(x)^2", 0.0, 2.0),
    ("elu(x)", 1.0, 0.0),
    ("abs(x)", 0.0, 0.0),
    ("abs(x)^3", 0.0, 0.0),
    ("sqrt(x^2)^2", 2.0, 2.0),
    ("max(x, x^2)", 2.0, 0.0),
    ("min(x, x^2)", 0.0, 2.0),
    ("x^1.5", None, INF),
    ("sqrt(x)", None, -INF),
    ("where(x < 0, x^2, 3*x^2)", 2.0, 6.0),
    ("0*sqrt(x) + x^2", None, 2.0),
    ("sign(floor(x)) + x^2", 2.0, 2.0),  # it jumps where no slope passes
]


@pytest.mark.parametrize(("program", "left", "right"), KINKS, ids=[text for text, *_ in KINKS])
def test_a_kink_has_both_sides_and_no_number(program: str, left: float | None, right: float | None) -> None:
    report = hessian(program, x=0)
    entry = report.entries["x"]["x"]
    assert entry.at_kink
    assert math.isnan(entry.value)
    assert (entry.left, entry.right) == (left, right)
    assert report.eigenvalues is None
    assert report.critical is None
    assert report.status == "skipped"


def test_what_is_off_the_path_to_a_kink_is_known() -> None:
    entries = hessian("abs(x) + y^3", x=0, y=2).entries
    assert entries["y"]["y"].value == 12
    assert entries["x"]["y"].at_kink


PROGRAMS = [
    "x^2*y + sin(x*y)", "exp(-x^2/2)*tanh(y)", "log(1 + x^2 + y^2)", "x/y + y/x", "sigmoid(x*y)*softplus(x)",
    "s = x*y; t = s + x; s*t^2", "atan2(y, x)", "hypot(x, y)", "x^y", "gelu(x)*silu(y)", "max(x, y)^2*x",
    "where(x < y, x^3, y^2)", "erf(x)*erfc(y)", "cbrt(x*y + 5)", "sqrt(x + 1)/(1 + y^4)", "abs(x)*y^2",
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_sympy_confirms_every_entry(program: str) -> None:
    report = hessian(program, x=0.75, y=1.5)
    assert report.status == "pass", report.entries
    assert all(entry.digits == 16 for row in report.entries.values() for entry in row.values())


def random_program(rng: random.Random, depth: int) -> str:
    if not depth:
        return rng.choice(["x", "y", "z", "2", "0.3"])
    part = lambda: random_program(rng, depth - 1)  # noqa: E731
    forms = [
        "({0} + {1})",
        "({0} - {1})",
        "{0}*{1}",
        "{0}/(1 + {1}^2)",
        "sin({0})",
        "exp(-({0})^2)",
        "({0})^3",
    ]
    return rng.choice([*forms, "tanh({0})", "softplus({0})", "atan({0})", "sqrt(1 + ({0})^2)"]).format(
        part(), part()
    )


@pytest.mark.parametrize("seed", range(5))
def test_random_programs_are_confirmed(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(12):
        program = random_program(rng, 3)
        names = [name for name in "xyz" if name in program.replace("exp", "")]
        report = hessian(program, {name: rng.uniform(-2, 2) for name in names})
        assert report.status != "fail", program
        skipped = {e.reason for row in report.entries.values() for e in row.values() if e.status == "skipped"}
        assert skipped <= {"sympy's formulas would be too large", "too few digits to compare"}, program


def test_a_formula_of_sympy_that_is_nan_confirms_nothing() -> None:
    """Sympy's derivative of 0^(a + d) is nan, and that of nan is 0."""
    report = hessian("abs(softplus(d)*(c + b)/((c)^0^(a + d)))", a=2.5, b=1, c=1e8, d=-1)
    assert report.status == "skipped"
    assert report.entries["c"]["d"].value == pytest.approx(0.2689414213699951, rel=1e-15)


def test_no_pivot_at_all_is_no_traceback() -> None:
    point = {"a": 1.3752525632118928, "b": 0.0, "c": 1.3161312533179865, "d": 0.5}
    assert hessian("relu(c)*(a*b) - (a*d)^(b*a)", point).names == ("c", "a", "b", "d")


def test_a_wrong_second_partial_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def off(op: Op, xs: Any, fixed: Any, m: Any) -> Bend:
        found = second_partials(op, xs, fixed, m)
        return found._replace(partials={pair: x * m.number(1.001) for pair, x in found.partials.items()})

    monkeypatch.setattr("backprop_cli.calculus.curvature.second_partials", off)
    assert hessian("sin(x)*y", x=1, y=2).status == "fail"


def test_large_hessians_stay_sparse() -> None:
    count = 2_000
    terms = "; ".join(
        f"s{i} = {f's{i - 1} + ' if i else ''}(1 - x{i})^2 + 100*(x{i + 1} - x{i}^2)^2"
        for i in range(count - 1)
    )
    graph = lower_source(read_source(terms))
    sweep = sweep_graph(graph, {f"x{i}": 1.0 for i in range(count)}, 1.0, FLOAT)
    entries = curvature(sweep, FLOAT).entries
    assert sum(map(len, entries.values())) == 3 * count - 2
    assert entries[graph.inputs["x5"]] == {
        graph.inputs["x4"]: -400.0, graph.inputs["x5"]: 1002.0, graph.inputs["x6"]: -400.0
    }  # fmt: skip


def test_a_large_program_is_computed_in_doubles_and_says_so() -> None:
    terms = " + ".join(f"x{i}^2*x{i + 1}" for i in range(1_000))
    report = hessian(terms, {f"x{i}": 1.0 for i in range(1_001)})
    assert report.numbers == "doubles"
    assert report.entries["x7"]["x8"].value == 2
    assert "x9" not in report.entries["x7"]
    assert report.entries["x7"]["x8"].digits is None


POINTS = [
    ("(1-x)^2 + 100*(y-x^2)^2", {"x": 1, "y": 1}, "minimum"),
    ("-x^2 - y^2", {"x": 0, "y": 0}, "maximum"),
    ("x*y", {"x": 0, "y": 0}, "saddle"),
    ("x^2 + y^4", {"x": 0, "y": 0}, "undecided: singular"),
    ("x^3 - 3*x*y^2", {"x": 0, "y": 0}, "undecided: singular"),
    ("(x + y)^2", {"x": 1, "y": -1}, "undecided: singular"),
    ("(x + y)^2", {"x": 1, "y": 1}, "none"),
    ("x^2 + y", {"x": 0, "y": 0}, "none"),
]


@pytest.mark.parametrize(
    ("program", "point", "kind"), POINTS, ids=[f"{text}: {kind}" for text, _, kind in POINTS]
)
def test_the_kind_of_a_critical_point(program: str, point: dict[str, float], kind: str) -> None:
    critical = hessian(program, point).critical
    assert critical is not None
    assert critical.kind == kind
    assert critical.point is None


def test_the_critical_point_that_was_meant_is_named() -> None:
    critical = hessian("sin(x)*cos(y)", x=math.pi / 2, y=0).critical
    assert critical is not None
    assert critical.kind == "maximum"
    assert critical.distance == pytest.approx(6.123233995736766e-17, rel=1e-12)
    far = hessian("sin(x)*cos(y)", x=1.5, y=0).critical
    assert far is not None
    assert far.kind == "none"


PROVED = [
    ("(1-x)^2 + 100*(y-x^2)^2", {"x": 1, "y": 1}, True),
    ("sin(x)*cos(y)", {"x": math.pi / 2, "y": 0}, True),
    ("(x^2 - 2)^2", {"x": math.sqrt(2)}, True),
    ("x^2 - y^2", {"x": 0, "y": 0}, True),
    ("x*y", {"x": 0, "y": 0}, False),  # no pivot has a sign
    ("x^2 + y^4", {"x": 0, "y": 0}, False),
    ("x^2 + y", {"x": 0, "y": 0}, False),
    ("x*exp(-x) + 0*abs(x)", {"x": 1}, True),
]


@pytest.mark.parametrize(("program", "point", "proved"), PROVED, ids=[text for text, *_ in PROVED])
def test_a_critical_point_is_proved_where_that_succeeds(
    program: str, point: dict[str, float], proved: bool
) -> None:
    critical = hessian(program, point).critical
    assert critical is not None
    assert critical.is_proved == proved


def test_a_proof_of_another_kind_or_another_place_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    right = critical_module.prove_critical
    monkeypatch.setattr(
        critical_module, "prove_critical", lambda f, s: right(f, s)._replace(rises=0, falls=1)
    )
    assert not hessian("x^2", x=0).critical.is_proved  # type: ignore[union-attr]
    monkeypatch.setattr(critical_module, "prove_critical", lambda f, s: right(f, [s[0] + 2 * math.pi]))
    assert not hessian("cos(x)", x=math.pi).critical.is_proved  # type: ignore[union-attr]
    monkeypatch.setattr(critical_module, "prove_critical", lambda f, s: right(f, s))
    assert hessian("cos(x)", x=math.pi).critical.is_proved  # type: ignore[union-attr]


def test_without_the_extra_nothing_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backprop_cli.calculus.critical.find_spec", lambda _: None)
    critical = hessian("x^2", x=0).critical
    assert critical is not None
    assert (critical.kind, critical.is_proved) == ("minimum", False)


def test_an_upstream_below_zero_does_not_turn_the_verdict() -> None:
    report = hessian("x^2", x=0, upstream=-1)
    assert report.eigenvalues == (-2.0,)
    assert report.critical is not None
    assert report.critical.kind == "minimum"


def test_a_product_with_a_direction() -> None:
    report = hessian("x^2*y", x=1, y=3, along={"x": 1, "y": -2})
    assert report.product == {"x": 2.0, "y": 2.0}
    assert report.bend == -2.0


@pytest.mark.parametrize(
    "program",
    [
        "x*x*y + sin(x*z)/y^2",
        "where(x > 0, x^2*y, z) + atan2(y, x)*hypot(x, z) + x^y",
        "u = exp(x)*y; v = u*u + max(u, z); v/(1 + v^2) + sigmoid(x - z)^3",
        "where(x < 0, sqrt(-x)*y, 0*z) + y^2*y",
    ],
)
def test_a_product_without_the_matrix_is_that_of_the_matrix(program: str) -> None:
    point, step = {"x": 0.7, "y": 1.3, "z": -0.4}, {"x": 1.0, "y": -2.0, "z": 0.5}
    graph = lower_source(read_source(program))
    sweep = sweep_graph(graph, point, 2.0, FLOAT)
    found = product_along(sweep, {graph.inputs[name]: x for name, x in step.items()}, FLOAT).rows
    expected = hessian(program, point, along=step, upstream=2.0).product
    assert expected is not None
    for name, node in graph.inputs.items():
        assert found.get(node, 0.0) == pytest.approx(expected[name], rel=1e-12, abs=1e-15)


def test_a_large_program_has_the_product_alone(backprop: Any, tmp_path: Path) -> None:
    count = 1_500
    total = " + ".join(f"x{i}" for i in range(count))
    file = tmp_path / "dense.txt"  # the matrix has 2,250,000 entries, all of them 2
    file.write_text("\n".join([*(f"x{i} = 1" for i in range(count)), f"s = {total}", f"L = s^2 + {total}"]))
    args = ("hessian", "--file", str(file), "--along", "x0=1,x1=-3")
    done = backprop(*args)
    assert done.returncode == 0
    assert "the Hessian times the direction, computed in doubles, not checked" in done.stdout
    assert "no eigenvalues: the matrix was not formed" in done.stdout
    assert "… 1,460 more (--all)" in done.stdout
    record = json.loads(backprop(*args, "--json").stdout)
    jsonschema.validate(record, json.loads(schema_text("hessian")))
    assert (record["hessian"], record["check"]["status"]) == (None, "skipped")
    assert set(record["along"]["product"].values()) == {-4.0}
    assert record["along"]["second"] == 8.0
    lines = backprop(*args, "--format", "csv").stdout.splitlines()
    assert lines[:3] == ["by,direction,product", "x0,1.0,-4.0", "x1,-3.0,-4.0"]
    refused = backprop(*args, "--format", "latex")
    assert (refused.returncode, refused.stdout) == (2, "")
    file.write_text(file.read_text().replace("L = s^2", "L = abs(s - 1500)*s"))
    refused = backprop(*args)
    assert refused.returncode == 3
    assert "on a path to a kink" in refused.stderr


def test_a_direction_out_of_the_matrix_is_refused(backprop: Any) -> None:
    done = backprop("hessian", "x*y", "x=1", "y=2", "--wrt", "y", "--along", "x=1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "backprop: the direction moves x, by which the Hessian is not\n  hint: add x to --wrt\n"
    )
    done = backprop("hessian", "sum(w^2)", "w=[1,2]", "--along", "w=1")
    assert done.stderr == "backprop: w is an array: a direction moves its elements\n  hint: w[0]=1\n"
    assert "2\n" in backprop("hessian", "sum(w^2)", "w=[1,2]", "--along", "w[0]=1").stdout


def test_some_inputs_only() -> None:
    report = hessian("x^2*y", x=1, y=3, wrt=["y"])
    assert report.names == ("y",)
    assert list(report.entries) == ["y"]
    assert report.critical is None


@pytest.mark.parametrize("along", [{"q": 1}, {"x": 0}, {"x": INF}, {"x": NAN}], ids=str)
def test_a_bad_direction_is_refused(along: dict[str, float]) -> None:
    with pytest.raises(InputError):
        hessian("x^2", x=1, along=along)


def test_a_value_that_does_not_exist() -> None:
    with pytest.raises(DomainError):
        hessian("log(x)", x=-1)


# ---- the command ----


def test_json_holds_the_matrix(backprop: Any) -> None:
    record = valid(backprop("hessian", "x^2*y", "x=1", "y=2", "--along", "x=1,y=1", "--json"))
    assert record["hessian"] == {"x": {"x": 4, "y": 2}, "y": {"x": 2, "y": 0}}
    assert record["along"]["second"] == 8
    assert record["check"]["status"] == "pass"


def test_json_marks_kinks(backprop: Any) -> None:
    run = backprop("hessian", "abs(x)*x", "x=0", "--json")
    assert run.returncode == 3
    entry = valid(run)["check"]["entries"][0]
    assert (entry["kink"], entry["left"], entry["right"]) == (True, -2, 2)


def valid(run: Any) -> Any:
    record = json.loads(run.stdout)
    jsonschema.validate(record, json.loads(schema_text("hessian")))
    return record


def test_other_forms(backprop: Any) -> None:
    words = "hessian", "x^2*y", "x=1", "y=2", "--format"
    assert list(csv.reader(io.StringIO(backprop(*words, "csv").stdout)))[1:] == [
        ["x", "x", "4.0", "", "", "16", "pass"],
        ["x", "y", "2.0", "", "", "16", "pass"],
        ["y", "y", "0.0", "", "", "16", "pass"],
    ]
    assert r"4 & 2 \\ 2 & 0" in backprop(*words, "latex").stdout


@pytest.mark.parametrize(
    "words",
    [
        ["x*y", "x=1"],
        ["x^2", "x=1", "--along", ""],
        ["x^2", "x=1", "--along", "q=1"],
        ["x^2", "x=1", "--along", "x"],
        ["x^2", "x=1", "--format", "dot"],
        ["x^2", "x=1", "--wrt", "z"],
    ],
    ids=" ".join,
)
def test_a_mistake_ends_with_status_two(backprop: Any, words: list[str]) -> None:
    run = backprop("hessian", *words)
    assert run.returncode == 2
    assert run.stderr.startswith("backprop: ")
    assert not run.stdout


def test_what_is_beyond_doubles_is_told_in_full(backprop: Any) -> None:
    run = backprop("hessian", "1/x", "x=1e-110", "--order", "3")
    assert run.returncode == 3
    assert "is 2e330, beyond what doubles hold" in run.stderr
    assert "-6e440" in run.stdout
    assert "infinity" not in run.stdout
    assert "digits right" not in run.stdout
    assert "no eigenvalues: one is beyond what doubles hold" in run.stdout


@pytest.mark.parametrize(
    ("x", "digits", "told"), [(40, 0, "no eigenvalues: one is too small"), (27, 10, "e-314")], ids=str
)
def test_what_is_too_small_for_doubles_has_the_digits_that_are_right(
    backprop: Any, x: int, digits: int, told: str
) -> None:
    entry = hessian("exp(-x^2)", x=x).entries["x"]["x"]
    assert (entry.status, entry.digits) == ("pass", digits)
    text = backprop("hessian", "exp(-x^2)", f"x={x}").stdout
    assert "rule ok, too small for a double" in text
    assert "digits right" not in text
    assert told in text


@pytest.mark.parametrize(
    ("program", "product", "bend"),
    [
        ("8e307*(x^2+y^2)", 1.6e308, math.inf),
        ("8e307*(x^2-y^2)", 1.6e308, 0.0),
        ("8e307*(x^2+y^2-2*x*y)", 0.0, 0.0),
        ("1e308*(x^2-y^2)", math.inf, 0.0),
    ],
)
def test_sums_beyond_doubles_are_no_traceback(program: str, product: float, bend: float) -> None:
    report = hessian(program, x=0.1, y=0.1, along={"x": 1, "y": 1})
    assert report.product is not None
    assert report.product["x"] == product
    assert report.bend == pytest.approx(bend, nan_ok=True)


@pytest.mark.parametrize(
    ("program", "second", "third"),
    [("sinc(x)", -1 / 3, 0.0), ("x*sinc(x)", 0.0, -1.0), ("sinc(x)^2*x", 0.0, -2.0)],
)
def test_what_sympy_has_at_a_single_point_is_not_compared(program: str, second: float, third: float) -> None:
    """Sympy derives the constant 1 that sinc is at 0."""
    report = hessian(program, x=0, order=3)
    assert report.entries["x"]["x"].value == second
    assert report.third is not None
    assert report.third["x", "x", "x"].value == third
    assert report.status == "skipped"
    assert hessian(program, x=1, order=3).status == "pass"


@pytest.mark.parametrize(
    ("program", "x", "kind", "at"),
    [
        ("sin(x)/x", 1e-10, "none", None),  # its maximum is at 0, where it has no value
        ("(1-cos(x))/x^2", 1e-9, "none", None),
        ("sinc(x)", 1e-10, "maximum", 0.0),
        ("1-cos(x)", 1e-9, "minimum", 0.0),
        ("(x-1e-100)^2", 0.0, "minimum", 1e-100),
    ],
)
def test_no_critical_point_is_where_there_is_no_value(
    program: str, x: float, kind: str, at: float | None
) -> None:
    critical = hessian(program, x=x, check=False).critical
    assert critical is not None
    assert (critical.kind, critical.point and critical.point["x"]) == (kind, at)


def test_a_value_that_lost_its_digits_is_warned_of(backprop: Any) -> None:
    report = hessian("(1-cos(x))/x^2", x=1e-9)
    assert [warning.kind for warning in report.warnings] == ["digits"]
    assert "no digit of the value" in backprop("hessian", "(1-cos(x))/x^2", "x=1e-9").stderr


def test_a_product_that_cancels_is_right_to_the_double() -> None:
    report = hessian("(x + 0.1*y)^2/3", x=1, y=1, along={"x": 0.3, "y": -3}, check=False)
    rest = Fraction(0.3) - 3 * Fraction(0.1)
    wanted = {"x": float(rest * 2 / 3), "y": float(rest * Fraction(0.1) * 2 / 3)}
    assert report.product == wanted
    assert report.bend == float(rest**2 * 2 / 3)


def test_powers_of_what_is_zero_to_within_rounding() -> None:
    point = {"x": 4.0, "y": 4.0}
    slope = 0.1 * math.exp(-0.4)
    for power, expected in ((0, 0.0), (2, 2 * slope**2)):
        found = hessian(f"(exp(-0.1*x) - exp(-0.1*y))^{power}", point)
        assert found.entries["x"]["x"].value == pytest.approx(expected, rel=1e-14)
        assert found.entries["x"]["y"].value == -found.entries["x"]["x"].value
        assert found.status == Outcome.PASS


def test_what_has_no_bound_is_not_known() -> None:
    m = bounded_reals(50)
    assert math.isnan(_judge(Bounded(m.base.mp.mpf(0), math.inf, m), None, None, "", m).value)
