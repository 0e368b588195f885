"""A problem and its questions: every value on the way forward, every gradient on the way back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.record import Record
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.report import NodeRecord, Report


class Question(Record):
    """A number that is asked for.

    name: of the answer, as an expectation has it: "a" for a gradient, "value:e" for a value.
    symbol: as it is written: "∂L/∂a", "e".  asked: what it is to be computed from.
    """

    name: str
    symbol: str
    asked: str
    answer: float


class Problem(Record):
    """A program at a point, to be worked by hand. number: of the problem on its sheet, from 1."""

    number: int
    report: Report

    @property
    def program(self) -> str:
        """The program in the plain language."""
        return self.report.read_as or self.report.program

    @property
    def statements(self) -> list[str]:
        """The steps of the program as it is computed, in order."""
        return [f"{node.id} = {node.expr}" for node in self.report.nodes if _is_step(node)]

    @property
    def point(self) -> str:
        """The values of the inputs."""
        return ", ".join(f"{name} = {number_text(x, None)}" for name, x in self.report.inputs.items())

    @property
    def questions(self) -> tuple[Question, ...]:
        """What is asked, in the order in which it can be answered."""
        return (*self._forward(), *self._backward())

    def _forward(self) -> Iterator[Question]:
        for node in self.report.nodes:
            if _is_step(node) and math.isfinite(node.value):
                yield Question(f"value:{node.id}", node.id, node.expr, node.value)

    def _backward(self) -> Iterator[Question]:
        output = self.report.output
        asked = dict(self.chain_rules)
        for node in reversed(self.report.nodes):
            if node.id in asked and math.isfinite(node.gradient):
                name = f"grad:{node.id}" if node.id == "value" else node.id
                terms = " + ".join(factor.text for factor in asked[node.id])
                yield Question(name, f"∂{output}/∂{node.id}", terms, node.gradient + 0.0)

    @property
    def chain_rules(self) -> list[tuple[str, list[Term]]]:
        """The chain rule at every node but the output, from the output back, each a term for every use."""
        terms: dict[str, list[Term]] = {}
        output = self.report.output
        for node in self.report.nodes:
            for argnum, operand in enumerate(node.operands):
                partial = node.partials[argnum]
                if isinstance(operand, str) and partial is not None:
                    local = f"∂{node.id}/∂{operand}{node.mark(argnum)}"
                    term = Term(f"∂{output}/∂{node.id}", local, node.gradient, partial)
                    terms.setdefault(operand, []).append(term)
        return [(node.id, terms[node.id]) for node in reversed(self.report.nodes) if node.id in terms]


class Term(NamedTuple):
    """A term of the chain rule: symbols and numbers of a gradient and a local derivative."""

    gradient: str
    local: str
    number: float
    partial: float

    @property
    def text(self) -> str:
        """The product in symbols."""
        return f"{self.gradient} · {self.local}"


def _is_step(node: NodeRecord) -> bool:
    return node.op not in ("input", "constant")
