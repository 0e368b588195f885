"""Expressions as SymPy prints them with str or srepr: Piecewise, conditions, Euler's E, Add and Mul.

Everything else that it prints is in the plain language, or has no word there and is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.language.foreign.builder import Item, Piece, flat, grouped
from backprop_cli.language.foreign.decisions import decided
from backprop_cli.language.foreign.scan import RefusalError, Scan
from backprop_cli.language.foreign.words import Word, cut, words_pattern
from backprop_cli.language.tokens import FINISH, NAME, NUMBER, OPERATOR, STOP, Token

if TYPE_CHECKING:
    from collections.abc import Collection

MARKS = r"(?<!\w)(?:Piecewise|Symbol|Integer|Rational|Float)\s*\("

_KINDS = {"name": NAME, "number": NUMBER, "sign": OPERATOR, "end": STOP}
_SIGNS = {sign: sign for sign in ("+", "-", "*", "**", "/", "<", "<=", ">", ">=", ")", ",", "=")} | {
    "&": "and", "|": "or", "~": "not",
}  # fmt: skip
_RELATIONS = {
    "Eq": "==", "Ne": "!=", "Equality": "==", "Unequality": "!=", "StrictLessThan": "<", "LessThan": "<=",
    "StrictGreaterThan": ">", "GreaterThan": ">=",
}  # fmt: skip
_JOINED = {"Add": "+", "Mul": "*", "Pow": "^", "Rational": "/", "And": "and", "Or": "or", **_RELATIONS}
"""What srepr writes as a function of its operands, with the sign between them."""
_ALONE = frozenset(("Symbol", "Integer", "Float", "Not"))
"""What srepr writes around one operand; what follows it are assumptions and digits."""
_OF_SREPR = frozenset((*_JOINED, *_ALONE))
_WORDLESS = {
    "I": "numbers are real",
    **dict.fromkeys(("oo", "zoo", "nan"), "a program computes with finite numbers"),
}
_OBJECTS = "from Python the expression itself can be given: gradient(expr, x=1)"


class _Frame:
    """What stands in a parenthesis that is open, in parts between commas.

    kind: "Piecewise"; "pair", a parenthesis right in one of these; a name that srepr writes; "" for others.
    pairs: of a Piecewise, (value, condition).
    """

    def __init__(self, kind: str, word: Word | None) -> None:
        self.kind = kind
        self.word = word
        self.parts: list[list[Item]] = [[]]
        self.pairs: list[list[Piece]] = []


def scan(text: str, given: Collection[str]) -> Scan | None:
    """Return the tokens of what SymPy printed, None where a sign is not of it. Raises ParseError."""
    words = cut(words_pattern(name=r"'[^'\n]*'|"), text)
    return None if words is None else _Reader(text, given, words).scan()


class _Reader:
    def __init__(self, text: str, given: Collection[str], words: list[Word]) -> None:
        self.text = text
        self.given = given
        self.words = words
        self.frames = [_Frame("", None)]

    def scan(self) -> Scan:
        """Return the tokens. No recursion, linear in the words."""
        for place, word in enumerate(self.words):
            self.take(word, self.words[place + 1].word if place + 1 < len(self.words) else "")
        opened = self.frames[-1].word
        if opened is not None:
            raise self.refusal("'(' is never closed", opened, "add ')'")
        end = len(self.text)
        tokens = [*flat(self.frames[0].parts[0]), Token(STOP, ";", end, end), Token(FINISH, "", end, end)]
        return Scan(tokens)

    def take(self, word: Word, following: str) -> None:
        """Take a word into the parenthesis that is open."""
        frame = self.frames[-1]
        if word.word == "ExprCondPair" and frame.kind == "Piecewise":
            self.frames.append(_Frame("pair", None))
        elif word.kind == "name" and following == "(" and word.word in ("Piecewise", *_OF_SREPR):
            self.frames.append(_Frame(word.word, None))
        elif word.word == "(":
            self.open(word)
        elif word.word == ")" and len(self.frames) > 1:
            self.close(word)
        elif word.word == "," and frame.word is not None:
            frame.parts.append([])
        elif word.kind == "name":
            frame.parts[-1] += self.named(word, following)
        elif word.kind in _KINDS and (word.kind != "sign" or word.word in _SIGNS):
            sign = _SIGNS.get(word.word, word.word)
            frame.parts[-1].append(Token(_KINDS[word.kind], sign, word.first, word.last))
        else:
            raise self.refusal(f"{word.word!r} is not read here", word, _OBJECTS)

    def open(self, word: Word) -> None:
        """Open a parenthesis: that of a function of SymPy's, of a pair in a Piecewise, or any other."""
        frame = self.frames[-1]
        if frame.kind and frame.word is None:
            frame.word = word  # its own
        elif frame.kind == "Piecewise" and not frame.parts[-1]:
            self.frames.append(_Frame("pair", word))
        else:
            self.frames.append(_Frame("", word))

    def close(self, word: Word) -> None:
        """Close a parenthesis, and give what it holds to the one around it."""
        frame = self.frames.pop()
        around = self.frames[-1]
        if frame.kind == "pair":
            if len(frame.parts) != 2 or not all(frame.parts):
                raise self.refusal("a pair of a value and its condition is expected", word, "(x, x > 0)")
            around.pairs.append([_piece(part) for part in frame.parts])
        elif frame.kind == "Piecewise":
            around.parts[-1].append(self.branches(frame, word))
        elif frame.kind in _OF_SREPR:
            around.parts[-1].append(self.joined(frame, word))
        else:
            opened = frame.word
            assert opened is not None
            items: list[Item] = []
            for place, part in enumerate(frame.parts):
                items += [Token(OPERATOR, ",", word.first, word.first)] * (place > 0)
                items += [_piece(part)] if part else []
            opening = Token(OPERATOR, "(", opened.first, opened.last)
            closing = Token(OPERATOR, ")", word.first, word.last)
            around.parts[-1].append(Piece([opening, *items, closing], opened.first, word.last))

    def joined(self, frame: _Frame, word: Word) -> Piece:
        """Return what srepr writes as a function: Add(a, b) is a + b, Symbol('x') is x. Raises ParseError."""
        parts = frame.parts[:1] if frame.kind in _ALONE else frame.parts
        if not all(parts) or (frame.kind in (*_RELATIONS, "Pow", "Rational") and len(parts) != 2):
            raise self.refusal(f"{frame.kind} lacks an operand", word)
        sign = _JOINED.get(frame.kind, "not")
        items: list[Item] = []
        for part in parts:
            first = part[0].first
            is_signed = items or frame.kind == "Not"
            items += [Token(OPERATOR, sign, first, first)] * bool(is_signed) + [grouped(_piece(part))]
        return grouped(_piece(items))

    def branches(self, frame: _Frame, word: Word) -> Piece:
        """Return the pairs of a Piecewise as where(condition, value, where(…)). Raises ParseError."""
        if any(frame.parts) or not frame.pairs:
            raise self.refusal("Piecewise holds pairs", word, "Piecewise((x, x > 0), (0, True))")
        last, condition = frame.pairs[-1]
        if [token.word.lower() for token in flat([condition])] != ["true"]:
            raise self.refusal(
                "a Piecewise has no value where none of its conditions holds",
                word,
                "the last pair is for all other cases: (0, True)",
            )
        result = grouped(last)
        for value, holds in reversed(frame.pairs[:-1]):
            result = decided(self.text, holds, value, result, holds.first, word.last)
        return result

    def named(self, word: Word, following: str) -> list[Item]:
        """Return a name; E as exp(1). Raises ParseError for what has no word."""
        name, first, last = word.word, word.first, word.last
        if name[0] == "'":
            return self.quoted(name[1:-1], word)
        if name == "E" and following != "(" and name not in self.given:
            spelled = (NAME, "exp"), (OPERATOR, "("), (NUMBER, "1"), (OPERATOR, ")")
            return [Token(kind, sign, first, last) for kind, sign in spelled]
        if name in _WORDLESS and name not in self.given:
            raise self.refusal(f"SymPy's {name} is not in the language", word, _WORDLESS[name])
        return [Token(NAME, name, first, last)]

    def quoted(self, text: str, word: Word) -> list[Item]:
        """Return the name of a symbol, or the digits of a number. Raises ParseError for another text."""
        kind = self.frames[-1].kind
        number = re.fullmatch(r"(-?)(\d+\.?\d*(?:e[+-]?\d+)?)", text) if kind == "Float" else None
        if number:
            sign = [Token(OPERATOR, "-", word.first, word.first)] if number[1] else []
            return [*sign, Token(NUMBER, number[2], word.first, word.last)]
        if kind != "Symbol" or not text.isidentifier():
            raise self.refusal(f"{word.word} is not read here", word, _OBJECTS)
        return [Token(NAME, text, word.first, word.last)]

    def refusal(self, message: str, word: Word, hint: str = "") -> RefusalError:
        """Return an error at a word."""
        return RefusalError(message, self.text, word.first, word.last, hint)


def _piece(items: list[Item]) -> Piece:
    return Piece(items, items[0].first, items[-1].last)
