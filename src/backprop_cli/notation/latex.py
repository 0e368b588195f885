"""Names, numbers and expressions as LaTeX maths.

Everything is ASCII, and every character of a user's that LaTeX could take as a command is escaped.
Expressions are typeset from the templates of the operation table. Which operand needs parentheses is read
from the template: from the signs beside the operand, and from those that stand outside of all brackets.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import ParseError
from backprop_cli.language.arrays.ops import ArrayCall
from backprop_cli.language.binding import ATOM, NOTHING, POWER, PRODUCT, RELATION, SIGN, SUM, Piece
from backprop_cli.language.code import fold
from backprop_cli.language.reader import normalise, read_value
from backprop_cli.notation.partials import derivative_code
from backprop_cli.operations.table import OPS
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.language.code import Code, Span
    from backprop_cli.operations.op import Op
    from backprop_cli.report import NodeRecord

# TeX nests brackets some 250 deep; an expression as short as this stays below.
_MOST_CHARACTERS = 200
# TeX typesets what stands under a cube root four times: twenty within each other would take years.
_MOST_CUBE_ROOTS = 5

# ---- names and numbers ----


def _command(letter: str) -> str:
    word = unicodedata.name(letter).split()[-1].replace("LAMDA", "LAMBDA")
    return f"\\{word.lower() if letter.islower() else word.capitalize()}"


_GREEK = {letter: _command(letter) for letter in "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ"}
_LETTERS = {
    **_GREEK,
    **{command[1:]: command for command in _GREEK.values()},
    # TeX has no commands for those that look like Latin letters.
    **{
        letter: f"\\mathrm{{{latin}}}"
        for letter, latin in zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True)
    },
    "ς": r"\varsigma",
}
_SPECIAL = {
    **{c: f"\\{c}" for c in "#%&_"},
    **{c: f"\\ensuremath{{{c}}}" for c in "<>|"},
    **{c: f"\\ensuremath{{\\{c}}}" for c in "{}"},
    **{c: f"\\ensuremath{{{command}}}" for c, command in _LETTERS.items() if len(c) == 1},
    "\\": r"\ensuremath{\backslash}", "^": r"\ensuremath{\hat{\ }}", "~": r"\ensuremath{\sim}",
    "$": r"\ensuremath{\mathdollar}",
    **{c: f"\\textsuperscript{{{d}}}" for c, d in zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True)},
    **{c: f"\\textsubscript{{{d}}}" for c, d in zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)},
    "−": r"\ensuremath{-}", "→": r"\ensuremath{\to}",
    "∂": r"\ensuremath{\partial}", "×": r"\ensuremath{\times}", "·": r"\ensuremath{\cdot}",
    "…": r"\ldots{}", "ß": r"\ss{}", "ı": r"\i{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}",
    "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}",
}  # fmt: skip
# Accents that every font of TeX's has, by the combining character.
_ACCENTS = dict(
    zip(
        "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327\u0331",
        "`'^~=u.\"rHvdcb",
        strict=True,
    )
)


def escape(text: str) -> str:
    """Return a text for LaTeX's text mode; a letter that pdflatex can't set is spelled U+0436."""
    return "".join(map(_character, normalise(text))).replace("--", "-{}-")


@cache
def _character(c: str) -> str:
    if c in _SPECIAL:
        return _SPECIAL[c]
    if c.isascii() and c.isprintable():
        return c
    plain = unicodedata.normalize("NFD", c)
    if len(plain) == 2 and plain[0].isascii() and plain[0].isalpha() and plain[1] in _ACCENTS:
        return f"\\{_ACCENTS[plain[1]]}{{{plain[0]}}}"
    return f"\\texttt{{U+{ord(c):04X}}}"


def name_latex(name: str) -> str:
    r"""Return a name as maths: w_{1} for w1, \mathit{loss}, {c\#1} for c#1, {W}_{0} for W[0]."""
    array, bracket, places = name.partition("[")
    if bracket and places.endswith("]"):
        return f"{{{name_latex(array)}}}_{{{places[:-1]}}}"
    stem, sharp, version = name.partition("#")
    stem = unicodedata.normalize("NFKC", stem)  # subscript digits too
    match = re.fullmatch(r"(.+?)_?([0-9]+)", stem)
    word, index = match.groups() if match else (stem, "")
    text = _word(word) + (f"_{{{index}}}" if index else "")
    return f"{{{text}\\#{version}}}" if sharp else text


def mark_latex(mark: str) -> str:
    """Return what a local derivative holds, "|u" or "|2nd" or "", as it stands behind it in maths."""
    names = mark[1:].split(",")
    held = ",".join(rf"\text{{{name}}}" if name[:1].isdigit() else name_latex(name) for name in names)
    return rf"|_{{{held}}}" if mark else ""


def _word(word: str) -> str:
    if word in _LETTERS or (len(word) == 1 and word.isascii() and word.isalpha()):
        return _LETTERS.get(word, word)
    return f"\\mathit{{{escape(word)}}}" if word.isascii() else f"\\textit{{{escape(word)}}}"


def number_latex(text: str) -> str:
    r"""Return a number that number_text has written as maths: 1 \times 10^{-7}."""
    sign, size = ("-", text[1:]) if text.startswith("-") else ("", text)
    if size == "infinity":
        return f"{sign}\\infty"
    if not size[:1].isdigit():
        return f"\\text{{{escape(text)}}}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa} \\times 10^{{{exponent}}}" if e else text


def matrix_latex(rows: Iterable[Iterable[str]]) -> str:
    """Return a matrix of numbers that number_text has written as maths, for any count of columns."""
    lines = [[number_latex(text) for text in row] for row in rows]
    columns = "r" * max(map(len, lines), default=0)
    body = r" \\ ".join(" & ".join(line) for line in lines)
    return rf"\left(\begin{{array}}{{{columns}}} {body} \end{{array}}\right)"


# ---- expressions ----


def node_latex(node: NodeRecord) -> str | None:
    """Return a node in terms of its operands, None where it can't be typeset."""
    if node.op == "input":
        return name_latex(node.id)
    if node.op == "constant":
        return expression_latex(node.expr)
    if len(node.expr) > _MOST_CHARACTERS:
        return None
    pieces = []
    for operand, term in zip(node.operands, node.terms, strict=True):
        piece = Piece(name_latex(term), ATOM) if isinstance(operand, str) else _read(term)
        if piece is None:
            return None
        pieces.append(piece)
    return operation_latex(OPS[node.op], pieces).text


def expression_latex(text: str) -> str | None:
    """Return an expression in the language of programs, or of sympy's formulas, as maths.

    None where our reader does not understand it, or it is too long to be read as one formula.
    """
    piece = _read(text)
    return None if piece is None else piece.text


def _read(text: str) -> Piece | None:
    if len(text) > _MOST_CHARACTERS:
        return None
    try:
        piece = _typeset(read_value(normalise(text)))
    except ParseError:
        return None
    return None if piece.text.count(r"\sqrt[") > _MOST_CUBE_ROOTS else piece


def derivative_latex(op: Op, argnum: int) -> str:
    """Return the derivative of an operation by one operand, with #1, #2 … for the operands."""
    places = {name: f"#{place}" for place, name in enumerate(op.args, 1)}
    return _typeset(derivative_code(op, argnum), places).text


def _typeset(code: Code, names: Mapping[str, str] = MappingProxyType({})) -> Piece:
    """Return code as maths. names: those that have a text of their own."""

    def leaf(what: str | float, _span: Span) -> Piece:
        if isinstance(what, str):
            return Piece(names.get(what) or name_latex(what), ATOM)
        text = number_latex(number_text(what, None))
        # A sign before 1 × 10⁻⁷ needs no parentheses, a power behind it does.
        return Piece(text, SIGN if r"\times" in text else ATOM)

    return fold(code, leaf, lambda op, operands, _span: _operation(op, operands))


def _operation(op: Op | ArrayCall, operands: Sequence[Piece]) -> Piece:
    """Return an operation, or an element of an array. Raises ParseError for another operation on arrays."""
    if not isinstance(op, ArrayCall):
        return operation_latex(op, operands)
    if not op.index or not all(isinstance(place, int) for place in op.index):
        raise ParseError(f"{op.name} has no formula of single numbers")
    return Piece(f"{{{operands[0].text}}}_{{{','.join(map(str, op.index))}}}", ATOM)


def operation_latex(op: Op, operands: Sequence[Piece]) -> Piece:
    """Return an operation on operands that are typeset already."""
    template = op.latex
    if op.variadic:
        template = template.replace("#2", ", ".join(f"#{i}" for i in range(2, len(operands) + 1)))
    return Piece(fill(template, operands), _binding(template))


def fill(template: str, operands: Sequence[Piece]) -> str:
    """Return a template of the operation table with #1, #2 … filled in, in parentheses where needed."""
    parts = []
    for part in _parts(template):
        if isinstance(part, str):
            parts.append(part)
            continue
        text, binding = operands[part.argnum]
        # No two signs stand side by side: a + (-b).
        needed = binding < part.need or (text.startswith("-") and part.follows_sign)
        parts.append(f"\\left({text}\\right)" if needed else text)
    return "".join(parts)


class _Hole(NamedTuple):
    """The place of an operand: how tightly it must bind there, and whether it can't begin with a minus."""

    argnum: int
    need: int
    follows_sign: bool


_OPENS = re.compile(r"(?:^|[{(\[,&]|\\\\|\\begin\{cases\}|\\left\||\\lfloor|\\lceil)\s*$")
_CLOSES = re.compile(r"\s*(?:$|[})\],&]|\\\\|\\right|\\rfloor|\\rceil|\\end)")
_RELATION_BEFORE = re.compile(r"(?:[<>]|\\le|\\ge)\s*$")
_RELATION_BEHIND = re.compile(r"\s*(?:[<>]|\\le\b|\\ge\b)")
_SIGN_BEFORE = re.compile(r"[-+]\s*$")
_SIGN_BEHIND = re.compile(r"\s*[-+]")
# A group that is the base of a power, and not the operand of a root, a quotient or a power itself.
_BASE_BEFORE, _BASE_BEHIND = re.compile(r"(?<![\w\]}^])\{$"), re.compile(r"\}\^")
_BRACKETS = re.compile(r"\{[^{}]*\}|\([^()]*\)|\[[^][]*\]")
_ENCLOSED = re.compile(r"\\(?:sqrt|left|lfloor|lceil)\b.*")


@cache
def _parts(template: str) -> list[str | _Hole]:
    parts: list[str | _Hole] = []
    end = 0
    for match in re.finditer(r"#(\d+)", template):
        before, behind = template[: match.start()], template[match.end() :]
        left = _need_behind(before)
        need = max(left, _need_before(behind))
        if behind.startswith("^") or (_BASE_BEFORE.search(before) and _BASE_BEHIND.match(behind)):
            need = ATOM
        parts += [template[end : match.start()], _Hole(int(match[1]) - 1, need, left > SUM)]
        end = match.end()
    return [*parts, template[end:]]


def _need_behind(before: str) -> int:
    """Return how tightly an operand must bind behind this text."""
    if _OPENS.search(before):
        return NOTHING
    if _RELATION_BEFORE.search(before):
        return SUM
    sign = _SIGN_BEFORE.search(before)
    if sign:
        return SIGN if _OPENS.search(before[: sign.start()]) else PRODUCT
    return SIGN  # the right factor of a product


def _need_before(behind: str) -> int:
    """Return how tightly an operand must bind before this text."""
    if _CLOSES.match(behind):
        return NOTHING
    return SUM if _RELATION_BEHIND.match(behind) or _SIGN_BEHIND.match(behind) else PRODUCT


@cache
def _binding(template: str) -> int:
    """Return how tightly the outermost operation of a template binds."""
    if template.startswith(r"\begin"):
        return NOTHING  # it has no bracket on its right
    bare, count = template, 1
    while count:
        bare, count = _BRACKETS.subn("", bare)
    if re.search(r"[<>]|\\[lg]e\b", bare):
        return RELATION
    if re.search(r"\S\s*[-+]", bare):
        return SUM
    if r"\cdot" in bare or r"\," in bare:
        return PRODUCT
    if bare.startswith("-"):
        return SIGN
    return ATOM if _ENCLOSED.fullmatch(bare) else POWER
