"""What could mislead: names of elsewhere, lines that go on, steps that nothing uses; and the hints."""

# ruff: noqa: E501
from __future__ import annotations

import json
import math
from typing import Any

import mpmath
import pytest

from backprop_cli import gradient
from backprop_cli.draw.page import render_page
from backprop_cli.errors import BackpropError, InputError, ParseError
from backprop_cli.language.source import read_assignments, read_source
from backprop_cli.language.synonyms import ALIASES, DOUBTFUL, REWRITES, VECTORS, hint_at, rewrites
from backprop_cli.operations.table import FUNCTIONS
from effort import lines_of


def hint_of(program: str) -> str:
    """Return what the plain language has to say of a program that it refuses."""
    with pytest.raises(ParseError) as refused:
        read_source(program, (), "plain")
    return refused.value.hint


# ---- tau ----


def test_tau_is_a_name_like_any_other() -> None:
    assert gradient("A*exp(-t/tau)", A=2, t=1, tau=4).gradients["tau"] == pytest.approx(
        2 * math.exp(-0.25) / 16
    )
    with pytest.raises(InputError, match="tau has no value") as missing:
        gradient("A*exp(-t/tau)", A=2, t=1)
    assert missing.value.hint == (
        "the circle's constant is 2*pi; tau is a variable like any other, given as tau=VALUE"
    )
    with pytest.raises(InputError, match="a value can't depend on the name tau") as refused:
        read_assignments(["a=tau"])
    assert "2*pi" in refused.value.hint


# ---- lines that begin with an operator ----


@pytest.mark.parametrize(
    ("program", "hint"),
    [
        ("L = a*b\n    + c", "if it goes on with the line before, write L = (a*b + c)"),
        (
            "L = a*b\n    - c",
            "if it goes on with the line before, write L = (a*b - c); if not, end that line with ;",
        ),
        ("k = 2\ny = k*x\n\n  # of the other; half\n  - z", "if it goes on with the line before, write y = (k*x - z)"),
        ("x += a\n+ b", "if it goes on with the line before, write (… + b)"),
        ("L = a*b\n* c", "to go on with the line before, put both in parentheses: y = (… * …)"),
        ("L = a*b\n/c", "to go on with the line before, put both in parentheses: y = (… / …)"),
    ],
)  # fmt: skip
def test_a_line_that_may_go_on_with_the_one_before_is_refused(program: str, hint: str) -> None:
    assert hint_of(program).startswith(hint)
    with pytest.raises(ParseError):
        read_source(program, ("a", "b", "c", "k", "x", "z"))


def test_so_it_is_in_a_formula() -> None:
    for program in (
        "L = np.exp(x)\n + c",
        "L = x.tanh()\n  - c",
        "f(x) = 2x\n+ c",
        "y = 2x\n- c",
        "y = 2x\n* c",
    ):
        with pytest.raises(ParseError):
            read_source(program, ("x", "c"))


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("+a", 3.0),
        ("-a*2", -6.0),
        ("k = 2\n-k*a", -6.0),
        ("y = a*a;\n-a", -3.0),
        ("y = a*a; -a", -3.0),
        ("y = a*a; +a", 3.0),
        ("y = (a*a\n + a)", 12.0),
        ("y = a*a\ny = -y\n-y + a", 12.0),
    ],
)
def test_a_sign_that_can_be_no_continuation_is_one(program: str, value: float) -> None:
    assert gradient(program, a=3).value == value


# ---- steps that nothing uses ----


@pytest.mark.parametrize(
    ("program", "unused"),
    [
        ("L = a*b; a + b", ["L"]),
        ("u = a*b; L = u*2; a + b", ["L"]),
        ("c = a*b; c = a + b; c*2", ["c#1"]),
        ("L = a*b; M = a - b; a", ["L", "M"]),
        ("L = a*b; L*2", []),
        ("L = a*b; a*b + 1", []),
        ("k = 3; a*b", []),
        ("u = a; b*2", []),
        ("L = a*b", []),
        ("a*b", []),
    ],
)
def test_a_step_that_nothing_uses_is_told(program: str, unused: list[str]) -> None:
    told = [warning for warning in gradient(program, a=2, b=3).warnings if warning.kind == "unused"]
    assert [warning.node for warning in told] == unused
    assert [warning.message for warning in told] == [f"{name} is computed but not used" for name in unused]


def test_it_is_told_in_every_form(backprop: Any) -> None:
    program = ["L = a*b; a + b", "a=2", "b=3"]
    for options in ([], ["--exact"], ["--precision", "20"]):
        assert "warning: L is computed but not used" in backprop("grad", *program, *options).stderr
    warnings = json.loads(backprop("grad", *program, "--json").stdout)["warnings"]
    assert [(warning["kind"], warning["node"], warning["start"]) for warning in warnings] == [
        ("unused", "L", 4)
    ]
    assert "L is computed but not used" in backprop("explain", *program).stdout
    page = render_page(gradient(program[0], a=2, b=3))
    assert '<p class="quiet">L is computed but not used.</p>' in page
    assert "computed but not used" not in render_page(gradient("L = a*b; L + b", a=2, b=3))


# ---- hints ----


@pytest.mark.parametrize(
    ("program", "hint"),
    [
        ("sin⁻¹(x)", "write asin(x) for the inverse function, 1/sin(x) for the reciprocal"),
        ("tan^-1(x)", "write atan(x) for the inverse function, 1/tan(x) for the reciprocal"),
        ("cosh**-1(x)", "write acosh(x) for the inverse function, 1/cosh(x) for the reciprocal"),
        ("log^-1(x)", "write log(x)^(-1)"),
        ("sin^-2(x)", "write sin(x)^(-2)"),
        ("sin^2(x)", "write sin(x)^2"),
        ("a/2b", "write a/(2*b) or a/2*b"),
        ("x + a*c/2b", "write a*c/(2*b) or a*c/2*b"),
        ("a / b c", "write a/(b*c) or a/b*c"),
        ("a/b(c + d)", "write a/(b*(…)) or a/b*(…)"),
        ("2a", "did you mean 2*a?"),
        ("2/cot(x)", "write (1/tan(x))"),
        ("cube(a + b)", "write ((a + b)^3)"),
        ("divide(a + 1, b_1)", "write ((a + 1)/b_1)"),
        ("expit(2*x)", "write sigmoid(2*x)"),
        ("SIN(x)", "write sin(x)"),
        ("LOG(x)", "write log(x), which is natural, or log10(x)"),
        ("lg(x)", "write log10(x), or log2(x) where that is meant"),
        ("tahn(x)", "did you mean tan, tanh or atan?"),
        ("f(x)", "did you mean f*x?"),
    ],
)
def test_what_to_write(program: str, hint: str) -> None:
    assert hint_of(program) == hint


@pytest.mark.parametrize(
    ("program", "point", "hint"),
    [
        ("F = ma", {"m": 2}, "did you mean ma? As a product it is written m*a"),
        ("F = ma", {"a": 2}, "did you mean ma? As a product it is written m*a"),
        ("F = ma + x", {"ma": 2, "a": 2}, "did you mean ma?"),
        ("F = loss", {"y": 2}, "the input is loss"),
    ],
)
def test_a_factor_that_is_given_alone(program: str, point: dict[str, float], hint: str) -> None:
    with pytest.raises(InputError, match="is not in the program") as refused:
        gradient(program, point)
    assert refused.value.hint == hint


DEFINED: dict[str, Any] = {
    "square": lambda x: x * x, "sqr": lambda x: x * x, "abs2": lambda x: abs(x) ** 2, "cube": lambda x: x * x * x,
    "rsqrt": lambda x: x**-0.5, "reciprocal": lambda x: x**-1, "exp2": lambda x: math.exp(x * math.log(2)),
    "exp10": lambda x: math.exp(x * math.log(10)), "negative": lambda x: 0 - x, "neg": lambda x: 0 - x,
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "subtract": lambda x, y: x - y,
    "mul": lambda x, y: x * y, "multiply": lambda x, y: x * y, "div": lambda x, y: x / y,
    "divide": lambda x, y: x / y, "true_divide": lambda x, y: x / y, "truediv": lambda x, y: x / y,
    "sec": lambda x: 1 / math.cos(x), "csc": lambda x: 1 / math.sin(x), "cosec": lambda x: 1 / math.sin(x),
    "cot": lambda x: math.cos(x) / math.sin(x), "cotan": lambda x: math.cos(x) / math.sin(x),
    "sech": lambda x: 2 / (math.exp(x) + math.exp(-x)), "csch": lambda x: 2 / (math.exp(x) - math.exp(-x)),
    "coth": lambda x: math.cosh(x) / math.sinh(x),
    "logit": lambda x: math.log(x) - math.log(1 - x), "logsigmoid": lambda x: -math.log(1 + math.exp(-x)),
    "log_sigmoid": lambda x: -math.log(1 + math.exp(-x)), "tanhshrink": lambda x: x - math.tanh(x),
    "relu6": lambda x: min(max(x, 0), 6), "softsign": lambda x: x / (1 + abs(x)), "ones_like": lambda: 1,
    "zeros_like": lambda: 0, "deg2rad": math.radians, "rad2deg": math.degrees, "radians": math.radians,
    "degrees": math.degrees, "absolute": abs, "fabs": math.fabs, "maximum": max, "minimum": min, "fmax": max,
    "fmin": min, "power": math.pow, "expit": lambda x: 1 / (1 + math.exp(-x)),
    "logistic": lambda x: 1 / (1 + math.exp(-x)), "sigm": lambda x: 1 / (1 + math.exp(-x)),
    "arsinh": math.asinh, "arcosh": math.acosh, "artanh": math.atanh, "sgn": lambda x: (x > 0) - (x < 0),
    "signum": lambda x: (x > 0) - (x < 0), "log_10": math.log10, "log_2": math.log2, "curt": lambda x: x ** (1 / 3),
    "atan_2": math.atan2, "ReLU": lambda x: max(x, 0), "ELU": lambda x: x if x > 0 else math.expm1(x),
    "mish": lambda x: x * math.tanh(math.log(1 + math.exp(x))),
    **dict.fromkeys(("hardtanh", "hard_tanh"), lambda x, low=-1, high=1: max(low, min(high, x))),
    "hardsigmoid": lambda x: max(0, min(6, x + 3)) / 6,
    **dict.fromkeys(("hardswish", "hard_swish", "hard_silu"), lambda x: x * max(0, min(6, x + 3)) / 6),
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "celu": lambda x, a=1: x if x > 0 else a * math.expm1(x / a),
    **dict.fromkeys(("trunc", "fix"), math.trunc), "mod": lambda x, y: x % y,
    "heaviside": lambda x, half: (x > 0) + half * (x == 0), **dict.fromkeys(("fmod", "rem"), math.fmod),
    "entr": lambda x: -x * math.log(x), "rel_entr": lambda x, y: x * math.log(x / y),
    "kl_div": lambda x, y: x * math.log(x / y) - x + y, "xlog1py": lambda x, y: x * math.log1p(y) if x else 0,
    "cosm1": lambda x: math.cos(x) - 1, "haversin": lambda x: (1 - math.cos(x)) / 2,
    "sind": lambda x: math.sin(math.radians(x)), "cosd": lambda x: math.cos(math.radians(x)),
    "tand": lambda x: math.tan(math.radians(x)),
    "log1pexp": lambda x: math.log(1 + math.exp(x)), "norm_cdf": lambda x: math.erfc(-x / math.sqrt(2)) / 2,
    "factorial": lambda x: math.gamma(x + 1), "beta": lambda x, y: math.gamma(x) * math.gamma(y) / math.gamma(x + y),
    **dict.fromkeys(("betaln", "lbeta"), lambda x, y: math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)),
    "psi": lambda x: mpmath.psi(0, x), "trigamma": lambda x: mpmath.psi(1, x), "ProductLog": mpmath.lambertw,
    "BesselJ": mpmath.besselj, "j0": lambda x: mpmath.besselj(0, x), "j1": lambda x: mpmath.besselj(1, x),
    "erfcinv": lambda x: mpmath.erfinv(1 - x),
    "GELU": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2, "SiLU": lambda x: x / (1 + math.exp(-x)),
}  # fmt: skip
INVERSES = {
    "asec": lambda y: 1 / math.cos(y), "arcsec": lambda y: 1 / math.cos(y), "acsc": lambda y: 1 / math.sin(y),
    "arccsc": lambda y: 1 / math.sin(y), "asech": lambda y: 1 / math.cosh(y),
    "acsch": lambda y: 1 / math.sinh(y), "acoth": lambda y: 1 / math.tanh(y),
}  # fmt: skip
"""What undoes a function: its value is taken back to its operand."""


POINTS: dict[str, tuple[tuple[float, ...], ...]] = {
    **dict.fromkeys(("arcosh", "acoth", "asec", "arcsec", "acsc", "arccsc"), ((1.5,), (2.5,))),
    **dict.fromkeys(("mod", "fmod", "rem"), ((7.5, 2), (-7.5, 2), (7.5, -2))),
    **dict.fromkeys(("trunc", "fix"), ((2.5,), (-2.5,))),
    "heaviside": ((2.5, 0.3), (-1, 0.3), (0, 0.3)),
    **dict.fromkeys(("hardtanh", "hard_tanh"), ((-2,), (0.3,), (2,), (-3, -2.5, 2), (0.3, -2, 2))),
    **dict.fromkeys(("selu", "mish", "hardsigmoid"), ((2.5,), (-1.25,), (-4,), (4,))),
    **dict.fromkeys(("hardswish", "hard_swish", "hard_silu"), ((2.5,), (-1.25,), (-4,), (4,))),
    "celu": ((2.5,), (-1.25,), (2.5, 2), (-1.25, 2)),
    "BesselJ": ((2, 0.75), (0, 0.3)),
    "xlog1py": ((0, 0.3), (0.75, 1e-9), (0, -0.5)),
}


@pytest.mark.parametrize("name", sorted(({*ALIASES} | {*REWRITES}) - {"clip_by_value"}))
def test_the_rewrite_of_a_name_of_elsewhere_is_the_same_function(name: str) -> None:
    is_of_two = name in TWO or (name in REWRITES and 1 not in rewrites(name))
    usual = ((0.75, 0.3), (0.3, 0.75)) if is_of_two else ((0.75,), (0.3,))
    for xs in POINTS.get(name, usual):
        names = ("x", "y", "z")[: len(xs)]
        formula = hint_at(name, names).removeprefix("write ")
        given = {x: value for x, value in zip(names, xs, strict=True) if x in read_source(formula).inputs}
        # In a place where a rewrite without parentheses would come to another number.
        found = gradient(f"1 - 2*{formula}^2", given, check=False).value
        undo = INVERSES.get(name)
        if undo:
            assert undo(math.sqrt((1 - found) / 2)) == pytest.approx(xs[0], rel=1e-12)
        else:
            expected = float(DEFINED[name](*xs) if given else DEFINED[name]())
            assert 1 - found == pytest.approx(2 * expected**2, rel=1e-12, abs=1e-15)


TWO = ("BesselJ", "maximum", "minimum", "fmax", "fmin", "power", "atan_2")


def test_no_name_of_elsewhere_is_told_as_another_function() -> None:
    for name in (*ALIASES, *REWRITES, *DOUBTFUL, *VECTORS):
        if name not in FUNCTIONS:
            assert "did you mean" not in hint_at(name)


# ---- size ----


def test_reading_is_linear_in_the_names() -> None:
    def steps(names: int) -> int:
        program = "+".join(f"x{i}" for i in range(names))
        return lines_of(read_source, program)

    assert steps(800) < 2.2 * steps(400)


def test_no_refusal_has_an_empty_message() -> None:
    for program in ("a/2b", "sin^-1(x)", "y = x\n+ 1", "foo(x)"):
        with pytest.raises(BackpropError) as refused:
            read_source(program, (), "plain")
        assert refused.value.hint
