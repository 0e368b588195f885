"""What the library takes from Python, and what it refuses with an error of its own."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from backprop_cli import BackpropError, InputError, ParseError, compile_rows, gradient

NUMBERS = [
    (2, 2.0),
    (True + 1, 2.0),
    (0.1, 0.1),
    (Fraction(1, 4), 0.25),
    (Fraction(1, 3), 1 / 3),
    (Decimal("0.1"), 0.1),
    (2**53 + 1, 2.0**53),
    (np.float32(0.1), float(np.float32(0.1))),
    (np.float64(0.1), 0.1),
    (np.int8(-3), -3.0),
    (np.uint64(2**64 - 1), 2.0**64),
    (np.array(0.5), 0.5),
    (-0.0, -0.0),
]
NOT_NUMBERS = [
    True,
    "2",
    None,
    2j,
    np.True_,
    np.complex128(2),
    Decimal("sNaN"),
    {},
    object(),
]
NOT_FINITE = [math.nan, math.inf, -math.inf, np.float32("nan"), Decimal("Infinity"), Decimal("nan")]
TOO_LARGE = [10**400, -(10**400), Fraction(10**400), Decimal("1e400"), np.longdouble("1e4000")]


def _id(value: object) -> str:
    return f"{type(value).__name__} {value!s:.12}"


@pytest.mark.parametrize(("given", "number"), NUMBERS, ids=_id)
def test_real_numbers_of_every_type_are_rounded_once(given: Any, number: float) -> None:
    report = gradient("a*1", {"a": given}, upstream=given, check=False)
    for taken in (report.inputs["a"], report.value, report.upstream):
        assert type(taken) is float
        assert (taken, math.copysign(1, taken)) == (number, math.copysign(1, number))
    rows = compile_rows("a*b", constants={"a": given}, wrt=["b"], upstream=given)({"b": [1.0]})
    assert rows.value.tolist() == [number]
    assert rows.gradients["b"].tolist() == [number * number]


@pytest.mark.parametrize("given", NOT_NUMBERS, ids=_id)
def test_what_is_no_real_number_is_refused(given: Any) -> None:
    told = (
        f"is of type {type(given.item() if getattr(given, 'shape', None) == () else given).__name__}, not a"
    )
    for call in (
        lambda: gradient("a", a=given),
        lambda: gradient("a", {"a": given}),
        lambda: compile_rows("a*b", constants={"a": given}),
    ):
        with pytest.raises(InputError, match=f"^a {told}"):
            call()
    for call in (lambda: gradient("a", a=1, upstream=given), lambda: compile_rows("a", upstream=given)):
        with pytest.raises(InputError, match=f"^the upstream gradient {told}"):
            call()


@pytest.mark.parametrize("given", NOT_FINITE, ids=_id)
def test_what_is_not_finite_is_refused(given: Any) -> None:
    for call in (lambda: gradient("a", a=given), lambda: compile_rows("a*b", constants={"a": given})):
        with pytest.raises(InputError, match=r"^a is not finite$"):
            call()
    for call in (lambda: gradient("a", a=1, upstream=given), lambda: compile_rows("a", upstream=given)):
        with pytest.raises(InputError, match=r"^the upstream gradient is -?(inf|nan)$"):
            call()


@pytest.mark.parametrize("given", TOO_LARGE, ids=_id)
def test_a_finite_number_beyond_doubles_is_not_called_infinite(given: Any) -> None:
    for call in (lambda: gradient("a", a=given), lambda: compile_rows("a*b", constants={"a": given})):
        with pytest.raises(InputError, match=r"^a is beyond 1.79769e308, the largest number$"):
            call()


@pytest.mark.parametrize("program", [3, None, b"a*b", ["a*b"], 2.5, True])
def test_a_program_is_a_text(program: Any) -> None:
    told = f"^the program is of type {type(program).__name__}, not a text$"
    for call in (lambda: gradient(program), lambda: gradient(program, a=1), lambda: compile_rows(program)):
        with pytest.raises(ParseError, match=told):
            call()


@pytest.mark.parametrize(
    ("wrt", "told"),
    [
        ("ab", "^wrt is the text 'ab'$"),
        ("a", "^wrt is the text 'a'$"),
        ("", "^wrt is the text ''$"),
        (3, "^wrt is of type int$"),
        ([3], "^a name in wrt is of type int, not a text$"),
        ([None], "^a name in wrt is of type NoneType, not a text$"),
        (["c"], "^c is not in the program$"),
        (b"a", "^a name in wrt is of type int, not a text$"),
    ],
)
def test_wrt_is_a_list_of_names(wrt: Any, told: str) -> None:
    for call in (lambda: gradient("a*b", a=1, b=2, wrt=wrt), lambda: compile_rows("a*b", wrt=wrt)):
        with pytest.raises(InputError, match=told):
            call()


def test_names_come_in_any_container() -> None:
    for wrt in (["b"], ("b",), {"b"}, {"b": 1}, iter(["b"]), ["b", "b"]):
        assert gradient("a*b", a=1, b=2, wrt=wrt, check=False).gradients == {"b": 1.0}
    assert list(compile_rows("a*b", wrt=iter(["b"]))({"a": [1], "b": [2]}).gradients) == ["b"]
    assert gradient("a*b", a=1, b=2, wrt=[], check=False).gradients == {}


@pytest.mark.parametrize("columns", ["ab", 3, [3]])
def test_columns_are_a_list_of_names(columns: Any) -> None:
    with pytest.raises(InputError, match=r"columns is|a name in columns"):
        compile_rows("a*b", columns)


@pytest.mark.parametrize("inputs", [[1, 2], "a=1", 3, [("a", 1)]])
def test_inputs_are_a_mapping(inputs: Any) -> None:
    with pytest.raises(InputError, match=f"^inputs is of type {type(inputs).__name__}$"):
        gradient("a", inputs)
    with pytest.raises(InputError, match=f"^constants is of type {type(inputs).__name__}$"):
        compile_rows("a*b", constants=inputs)


def test_names_of_inputs_are_texts_given_once() -> None:
    with pytest.raises(InputError, match=r"^a name in inputs is of type int, not a text$"):
        gradient("a", {1: 2.0})  # type: ignore[dict-item]
    with pytest.raises(InputError, match=r"^pi is given twice$"):
        gradient("pi*a", {"pi": 1.0, "π": 2.0, "a": 1.0})
    assert gradient("w₁", {"w₁": 3.0}, check=False).value == 3.0


@pytest.mark.parametrize("columns", [[1.0], 3, None, "a"])
def test_rows_are_called_with_a_mapping(columns: Any) -> None:
    with pytest.raises(InputError, match=f"^the columns are of type {type(columns).__name__}$"):
        compile_rows("a*a")(columns)


def test_out_fits_the_rows() -> None:
    rows = compile_rows("a*b")
    earlier = rows({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert rows({"a": [5.0, 6.0], "b": [1.0, 1.0]}, out=earlier).value.tolist() == [5.0, 6.0]
    with pytest.raises(InputError, match=r"^out.gradients\['a'\] is of shape \(2,\), not \(1,\)$"):
        rows({"a": [1.0], "b": [2.0]}, out=earlier)
    with pytest.raises(InputError, match=r"^out holds gradients with respect to a and b, not to a$"):
        compile_rows("a*b", wrt=["a"])({"a": [1.0, 2.0], "b": [3.0, 4.0]}, out=earlier)
    with pytest.raises(InputError, match=r"^out is of type tuple$"):
        rows({"a": [1.0], "b": [2.0]}, out=(1, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ["cuda", None, ["numpy"]])
def test_an_engine_is_one_of_those_there_are(engine: Any) -> None:
    with pytest.raises(BackpropError, match=r"^there is no engine"):
        compile_rows("a*b", engine=engine)
