"""Straight-line code as text: a language is a dictionary from instructions to expressions."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.compile.registers import CONDITIONS, Register
from backprop_cli.compile.tracer import find_live

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from backprop_cli.compile.registers import Operand

_CALL = re.compile(r"[\w.:\\{}]+\(.*\)|\\(?!begin)\w+(\[3\])?\{\{.*(\}\}|\\r\w+)")
# Parsers go down into nested expressions: from here on a result gets a name although it is used once.
_DEEPEST = 40


@dataclass(frozen=True)
class Target:
    """How a language writes code.

    instructions: instruction -> its expression, with {0}, {1} … for the operands; and "ne" where a language
    has a sign for not equal.  number: a number, or a truth value, as text.
    local: how a result gets a name, with {name}, {expression}, {kind} and {comment}.
    kinds: what numbers and truth values are declared as.  comment: with {text}.
    """

    instructions: Mapping[str, str]
    number: Callable[[float | bool], str]
    local: str
    kinds: tuple[str, str] = ("", "")
    comment: str = ""


class Line(NamedTuple):
    """A line that gives a result a name, of the kind that the target declares it as."""

    name: str
    kind: str
    text: str


def write_code(
    outputs: Sequence[Operand],
    target: Target,
    names: Mapping[Register, str] | None = None,
    comments: Mapping[Register, str] | None = None,
    temporary: Callable[[], str] | None = None,
) -> tuple[list[Line], list[str]]:
    """Return the lines that compute what is used more than once, and the outputs as expressions.

    names: of results, each of which has a line then; those of columns, which are the parameters, are their
    own otherwise.  comments: what is said beside a line.  temporary: makes names for the others, t1, t2, …
    by default.
    """
    names, comments = names or {}, comments or {}
    live = find_live(outputs)
    uses = Counter(arg for register in live for arg in register.args if isinstance(arg, Register))
    uses.update(x for x in outputs if isinstance(x, Register))
    writer = _Writer(target)
    lines: list[Line] = []
    for register in live:
        text = writer.write(register)
        if register.name == "column":
            text = _Text(names.get(register, text.code))
        elif register in names or uses[register] > 1 or text.depth > _DEEPEST:
            name = names.get(register) or (temporary() if temporary else f"t{len(lines) + 1}")
            said = comments.get(register, "")
            words = {
                "name": name,
                "expression": text.code,
                "kind": target.kinds[register.name in CONDITIONS],
                "comment": target.comment.format(text=said) if said else "",
            }
            lines.append(Line(name, words["kind"], target.local.format(**words)))
            text = _Text(name)
        writer.texts[register] = text
    return lines, [writer.operand(x).code for x in outputs]


@dataclass(frozen=True)
class _Text:
    """An expression. is_open: it needs parentheses beside an operator.  depth: of what is nested in it."""

    code: str
    is_open: bool = False
    depth: int = 0


class _Writer:
    def __init__(self, target: Target) -> None:
        self.target = target
        self.texts: dict[Register, _Text] = {}

    def operand(self, x: Operand) -> _Text:
        if isinstance(x, Register):
            return self.texts[x]
        number = self.target.number(x)
        return _Text(number, is_open=number.startswith("-"))

    def write(self, register: Register) -> _Text:
        if register.name == "column":
            return _Text(str(register.args[0]))
        name, args = self._instruction(register)
        form = self.target.instructions[name]
        operands = [self.operand(arg) for arg in args]  # type: ignore[arg-type]
        is_call = _CALL.fullmatch(form) is not None
        encloses = is_call or "{{" in form  # as a block does
        codes = [f"({x.code})" if x.is_open and not encloses else x.code for x in operands]
        return _Text(form.format(*codes), not is_call, 1 + max(x.depth for x in operands))

    def _instruction(self, register: Register) -> tuple[str, tuple[Register | float | str, ...]]:
        """Return an instruction and its operands: not equal for not x == y, at which linters frown."""
        inner = register.args[0]
        if (
            register.name == "not"
            and isinstance(inner, Register)
            and inner.name == "eq"
            and self.texts[inner].is_open
            and "ne" in self.target.instructions
        ):
            return "ne", inner.args
        return register.name, register.args
