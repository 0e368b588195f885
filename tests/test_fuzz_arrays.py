"""Programs of arrays held against NumPy, which shares nothing with what expands them."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy")

from backprop_cli import gradient
from backprop_cli.language.arrays import shapes
from fuzz_arrays import differences
from fuzzing.arrays import array_program


def found(seed: int, count: int, *, check: bool = False) -> list[str]:
    made = (array_program(f"{seed}/{number}") for number in range(count))
    return [f"{p.text}: {told}" for p in made if p for told in differences(p, check=check)]


def test_a_short_run_finds_nothing() -> None:
    assert found(seed=0, count=60) == []
    assert found(seed=1, count=5, check=True) == []


def test_programs_hold_every_kind_of_step() -> None:
    made = [array_program(f"0/{number}") for number in range(300)]
    texts = " ".join(program.text for program in made if program)
    kinds = ("@", "dot(", "outer(", ".T", "[None", "...", "::-1", "axis=-1", "keepdims", "softmax(")
    for kind in kinds:
        assert kind in texts


def test_a_wrong_order_of_elements_is_found(monkeypatch) -> None:
    right = shapes.groups

    def turned(shape, axes):
        outer, places = right(shape, axes)
        return outer, places[::-1]

    monkeypatch.setattr(shapes, "groups", turned)
    assert any("by NumPy" in told for told in found(seed=0, count=60))


@pytest.mark.parametrize("text", ["sum(max(x, axis=0, keepdims=True))", "sum(x.max(keepdims=True, axis=0))"])
def test_the_largest_element_keeps_its_axis_where_it_is_asked_to(text) -> None:
    assert gradient(text, x=[[1, 2], [3, 5]]).value == 8
