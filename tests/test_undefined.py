"""Values that doubles alone have not: what underflowed or cancelled is blamed, not what met it."""

from __future__ import annotations

import pytest

from backprop_cli import gradient
from backprop_cli.errors import DomainError


def refused(program: str, point: dict[str, float]) -> DomainError:
    with pytest.raises(DomainError) as caught:
        gradient(program, point, check=False)
    return caught.value


@pytest.mark.parametrize(
    ("program", "point", "blamed", "message"),
    [
        ("log(x*x)", {"x": 1e-200}, "x*x",
         "x*x underflows to 0, got x = 1e-200; log needs an operand > 0, and x*x is 1e-400, not 0"),
        ("log(a*b*c)", {"a": 1e-200, "b": 1e-200, "c": 5}, "a*b",
         ("a*b underflows to 0, got a = 1e-200 and b = 1e-200; log needs an operand > 0, "
          "and a*b*c is 5e-400, not 0")),
        ("2*log(1 - sigmoid(x))", {"x": 40}, "1 - sigmoid(x)",
         ("1 - sigmoid(x) cancels to 0, got sigmoid(x) = 1; log needs an operand > 0, "
          "and 1 - sigmoid(x) is 4.24835e-18, not 0")),
        ("1/(1 - cos(x))", {"x": 1e-9}, "1 - cos(x)",
         ("1 - cos(x) cancels to 0, got cos(x) = 1; 1/(1 - cos(x)) needs a divisor other than 0, "
          "and 1 - cos(x) is 5e-19, not 0")),
        ("log(1 - cos(x))", {"x": 1e-40}, "1 - cos(x)",
         ("1 - cos(x) cancels to 0, got cos(x) = 1; log needs an operand > 0, "
          "and 1 - cos(x) is 5e-81, not 0")),
        ("atanh(tanh(x))", {"x": 20}, "tanh(x)",
         ("tanh(x) is rounded to 1, got x = 20; atanh needs an operand between -1 and 1, "
          "and tanh(x) is 0.99999999999999999, not 1")),
        ("log((1 + x) - 1)", {"x": 1e-20}, "1 + x",
         ("1 + x is rounded to 1, got x = 1e-20; log needs an operand > 0, "
          "and (1 + x) - 1 is 1e-20, not 0")),
    ],
    ids=lambda x: str(x)[:30],
)  # fmt: skip
def test_what_rounding_took_out_of_a_domain(
    program: str, point: dict[str, float], blamed: str, message: str
) -> None:
    error = refused(program, point)
    assert error.message == message
    assert program[error.start : error.end] == blamed


@pytest.mark.parametrize(
    ("program", "point", "message"),
    [
        ("log(x - y)", {"x": 1, "y": 1}, "log needs an operand > 0, got x - y = 0"),
        ("log(sin(x) - sin(x))", {"x": 1}, "log needs an operand > 0, got sin(x) - sin(x) = 0"),
        ("sqrt(x)", {"x": -1e-300}, "sqrt needs an operand >= 0, got x = -1e-300"),
    ],
)
def test_a_value_that_does_not_exist_is_no_rounding(
    program: str, point: dict[str, float], message: str
) -> None:
    assert refused(program, point).message == message


@pytest.mark.parametrize(
    ("program", "point", "message"),
    [
        ("log(exp(log(x)) - x)", {"x": 2}, "log needs an operand > 0, got exp(log(x)) - x = 0"),  # 0 ± 1e-800
        ("log10(softplus(x))", {"x": -1e300}, "log10 needs an operand > 0, got softplus(x) = 0"),
        ("1/exp(x)", {"x": -1e300}, "1/exp(x) needs a divisor other than 0, got exp(x) = 0"),
        ("atanh(x^y)", {"x": 0.5, "y": 1e-67}, "atanh needs an operand between -1 and 1, got x^y = 1"),
    ],
)
def test_what_no_digits_tell_is_said_of_doubles_alone(
    program: str, point: dict[str, float], message: str
) -> None:
    assert refused(program, point).message == f"{message} in doubles"


def test_a_large_program_is_refused_without_many_digits() -> None:
    many = " + ".join(f"x*{i}" for i in range(12_000))
    message = "log needs an operand > 0, got x*x = 0 in doubles"
    assert refused(f"{many} + log(x*x)", {"x": 1e-200}).message == message
