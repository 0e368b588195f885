"""Arrays whose names are assigned again."""

from __future__ import annotations

import pytest

from backprop_cli import gradient
from backprop_cli.errors import DomainError


@pytest.mark.parametrize(
    ("program", "value", "by_a", "by_b"),
    [
        ("y = [a, b]; y = [y[1], y[0]]; y[0] + 10*y[1]", 12, 10, 1),
        ("y = [a, b]; y = y - y[0]; y[0] + 10*y[1]", 10, -10, 10),
        ("y = [a, b]; y = y*y[0]; 10*y[0] + y[1]", 12, 22, 1),
        ("y = [[a, b], [3, 4]]; y = y.T; y[0,1] + 10*y[1,0]", 23, 0, 10),
        ("y = [a, b, 5]; y = [y[2], y[0], y[1]]; y[0]*y[1] + 10*y[2]", 25, 5, 10),
        ("y = [a, b]; y += [y[1], y[0]]; y[0] + 10*y[1]", 33, 11, 11),
    ],
)
def test_an_array_made_of_its_own_elements_has_the_old_ones(
    program: str, value: float, by_a: float, by_b: float
) -> None:
    report = gradient(program, a=1, b=2)
    assert (report.value, report.gradients) == (value, {"a": by_a, "b": by_b})
    assert report.check.status == "pass"


def test_the_logarithm_of_a_softmax_is_cured_in_words_of_the_program() -> None:
    with pytest.raises(DomainError) as caught:
        gradient("p = softmax(z); -log(p[0])", z=[1, 2, 1000])
    assert caught.value.hint == "log(softmax(z)) → log_softmax(z)"
    assert gradient("p = log_softmax(z); -p[0]", z=[1, 2, 1000]).value == 999
