"""Operations and local derivatives as MathML with slots for the operands, as trees for the page.

A tree is [tag, child …] with strings as text. ["slot", argnum, need] stands for an operand, which the page
fills with its name or its number: in parentheses if need is 1 and it is negative, or if need is 2, as the
base of a power, and it has a sign or an exponent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.errors import ParseError
from backprop_cli.language.binding import ATOM, NOTHING, POWER, PRODUCT, SUM, rule_of
from backprop_cli.language.code import fold
from backprop_cli.language.reader import normalise, read_value
from backprop_cli.notation.partials import partial_text
from backprop_cli.operations.table import OPS
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.language.code import Span
    from backprop_cli.operations.op import Op
    from backprop_cli.report import NodeRecord

Tree = list[Any]

_SIGNS = {"add": "+", "sub": "−", "mul": "×", "lt": "<", "le": "≤", "gt": ">", "ge": "≥"}
_BRACKETS = {"abs": ("|", "|"), "floor": ("⌊", "⌋"), "ceil": ("⌈", "⌉")}
_NAMES = {"sigmoid": "σ", "pi": "π", "tau": "τ", "log": "ln"}
_SLOT = "operand"


class _Piece(NamedTuple):
    tree: Tree
    binding: int


def operation_tree(node: NodeRecord) -> Tree:
    """Return what a node computes, in terms of its operands."""
    operands = [
        _slot(argnum) if isinstance(operand, str) else _read(node.terms[argnum])
        for argnum, operand in enumerate(node.operands)
    ]
    return _apply(OPS[node.op], operands).tree


def partial_tree(node: NodeRecord, argnum: int) -> Tree:
    """Return a local derivative of a node as a factor of a product."""
    op = OPS[node.op]
    if op.takes_condition:
        condition = _slot(0)
        otherwise = _apply(OPS["sub"], [_Piece(["mn", "1"], ATOM), condition])
        return _held(condition if argnum == 1 else otherwise, POWER)
    # The reader knows no names such as c#1.
    terms = [
        f"{_SLOT}{i}" if isinstance(operand, str) else node.terms[i]
        for i, operand in enumerate(node.operands)
    ]
    return _held(_read(partial_text(op, argnum, terms)), POWER)


def step_tree(node: NodeRecord) -> Tree:
    """Return what a step with others folded into it computes, in terms of its operands."""
    return _read(node.expr, _places(node)).tree


def slope_tree(node: NodeRecord, argnum: int) -> Tree | None:
    """Return the formula of the derivative of such a step as a factor; None where it would be too long.

    The slot behind those of the operands stands for the step itself.
    """
    formula = node.formulas[argnum]
    return _held(_read(formula, _places(node)), POWER) if formula else None


def _places(node: NodeRecord) -> dict[str, int]:
    return {str(name): place for place, name in enumerate((*node.operands, node.id))}


def _slot(argnum: int) -> _Piece:
    return _Piece(["slot", argnum, 0], ATOM)


def _read(text: str, places: Mapping[str, int] | None = None) -> _Piece:
    """Return a formula as a piece. places: the slots that names stand for."""

    def leaf(what: str | float, span: Span) -> _Piece:
        return (
            _slot(places[what]) if places and isinstance(what, str) and what in places else _leaf(what, span)
        )

    try:
        return fold(read_value(normalise(text)), leaf, lambda op, operands, _span: _apply(op, operands))
    except ParseError:
        return _Piece(["mtext", text], ATOM)


def _leaf(what: str | float, _span: Span) -> _Piece:
    if isinstance(what, str):
        is_slot = what.startswith(_SLOT)
        return _slot(int(what.removeprefix(_SLOT))) if is_slot else _name(what)
    return _Piece(["mn", number_text(what, None)], ATOM)


def _name(name: str) -> _Piece:
    return _Piece(["mi", _NAMES.get(name, name)], ATOM)


def _sign(text: str) -> Tree:
    return ["mo", text]


def _held(piece: _Piece, need: int) -> Tree:
    """Return a piece as an operand, in parentheses if it binds less tightly than needed."""
    if piece.tree[0] == "slot":
        return ["slot", piece.tree[1], 2 if need == ATOM else 1 if need > SUM else 0]
    return piece.tree if piece.binding >= need else ["mrow", _sign("("), piece.tree, _sign(")")]


def _apply(op: Op, operands: Sequence[_Piece]) -> _Piece:
    trees = [operand.tree for operand in operands]
    match op.name:
        case "add" | "sub" | "mul" | "lt" | "le" | "gt" | "ge":
            binding, needs = rule_of(op)
            left, right = map(_held, operands, needs)
            return _Piece(["mrow", left, _sign(_SIGNS[op.name]), right], binding)
        case "neg":
            # Beside another sign it needs parentheses, as a sum does.
            return _Piece(["mrow", _sign("−"), _held(operands[0], PRODUCT)], SUM)
        case "div":
            return _Piece(["mfrac", *trees], POWER)
        case "pow":
            return _Piece(["msup", _held(operands[0], ATOM), trees[1]], POWER)
        case "exp":
            return _Piece(["msup", ["mi", "e"], *trees], POWER)
        case "sqrt":
            return _Piece(["msqrt", *trees], ATOM)
        case "cbrt":
            return _Piece(["mroot", *trees, ["mn", "3"]], ATOM)
        case "abs" | "floor" | "ceil":
            opening, closing = _BRACKETS[op.name]
            return _Piece(["mrow", _sign(opening), *trees, _sign(closing)], ATOM)
        case "where":
            condition, yes, no = trees
            return _Piece(["mrow", yes, _words("if"), condition, _words("else"), no], NOTHING)
    arguments: Tree = []
    for tree in trees:
        arguments += [_sign(","), tree] if arguments else [tree]
    return _Piece(["mrow", _name(op.name).tree, _sign("("), *arguments, _sign(")")], ATOM)


def _words(text: str) -> Tree:
    # Spaces at the ends of an element don't count in MathML.
    return ["mtext", f"\N{NO-BREAK SPACE}{text}\N{NO-BREAK SPACE}"]
