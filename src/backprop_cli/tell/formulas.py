"""Gradients as formulas in the names of the program: ∂C/∂w = 2*(a - y)*a*(1 - a)*x."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from backprop_cli.notation.chain import Product, plus, sum_of, sum_text, times
from backprop_cli.notation.partials import slope_text
from backprop_cli.operations.table import OPS
from backprop_cli.report import Steps
from backprop_cli.tell.steps import fold_report, names_steps
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from backprop_cli.notation.chain import Sum
    from backprop_cli.report import NodeRecord, Report

_MOST_NODES = 500
_LONG = 120


def in_names(report: Report, steps: Steps | None) -> Report:
    """Return a report whose check has the gradients as formulas in the names of the steps, where short.

    They are left out where a convention or both sides made the gradient.
    """
    is_large = len(report.nodes) > _MOST_NODES
    if steps is Steps.ALL or is_large or (steps is None and not names_steps(report)):
        return report
    folded = fold_report(report)
    formulas = _formulas(folded)
    inline = _Inline(folded)
    checks = {}
    for name, found in report.check.gradients.items():
        formula = None if found.at_kink or found.origin else formulas.get(name)
        text = "" if formula is None else inline.write(sum_text(formula))
        checks[name] = replace(found, named=text) if text else found
    return replace(report, check=replace(report.check, gradients=checks))


def _formulas(report: Report) -> dict[str, Sum | None]:
    """Return the gradient of every step as a formula; None where there is none, or it is long."""
    scale = number_text(report.upstream, None)
    whole = report.upstream.is_integer() and abs(report.upstream) < 2**53
    seed = Product(Fraction(report.upstream)) if whole else Product(Fraction(1), (f"({scale})",))
    found: dict[str, Sum | None] = {report.output: (seed,)}
    for node in reversed(report.nodes):
        arriving = found.get(node.id, ())
        for argnum, operand in enumerate(node.operands):
            if isinstance(operand, str):
                product = _product(arriving, node, argnum)
                sofar = found.get(operand, ())
                found[operand] = None if product is None or sofar is None else _short(plus(sofar, product))
    return found


def _product(arriving: Sum | None, node: NodeRecord, argnum: int) -> Sum | None:
    if arriving == () or OPS[node.op].condition:
        return ()
    text = "" if node.kink is not None else slope_text(node, argnum)
    if "where(" in text and len(set(node.operands)) < len(node.operands):
        text = ""  # max(x, x) has no side
    is_known = text and math.isfinite(node.partials[argnum] or 0.0)
    return None if arriving is None or not is_known else times(arriving, sum_of(text))


def _short(formula: Sum) -> Sum | None:
    return formula if len(sum_text(formula)) <= _LONG else None


class _Inline:
    """Steps that the program does not name, such as the operand of a gate, written where they are used."""

    def __init__(self, report: Report) -> None:
        self._nodes = {node.id: node for node in report.nodes if not node.is_named and node.op != "input"}

    def write(self, formula: str) -> str:
        """Return a formula in the names of the program; "" where that is long."""
        for name, node in reversed(self._nodes.items()):
            if name in formula:
                found = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w\[(])")
                formula = found.sub(partial(_written, node=node), formula)
            if len(formula) > _LONG:
                return ""
        return formula


def _written(found: re.Match[str], node: NodeRecord) -> str:
    """Return a step as it stands in place of its name, in parentheses unless it is a whole operand."""
    left, right = found.string[: found.start()].rstrip(), found.string[found.end() :].lstrip()
    is_operand = left[-1:] in ("", *"(,<>=") and right[:1] in ("", *"),<>=")
    return f"({node.expr})" if OPS[node.op].infix and not is_operand else node.expr
