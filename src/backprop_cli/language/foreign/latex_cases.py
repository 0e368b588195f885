r"""The environment of cases: a value and a condition a line, which are ``where`` in the plain language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.language.foreign.builder import Item, Piece, flat, grouped
from backprop_cli.language.foreign.decisions import decided
from backprop_cli.language.foreign.latex_names import UPRIGHT
from backprop_cli.language.foreign.words import Word
from backprop_cli.language.tokens import OPERATOR, Token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backprop_cli.language.foreign.latex_words import LatexWords

    Nested = Callable[[list[Word]], Piece]
    """Returns the operand that words are."""

_RELATIONS = {
    "<": "<", ">": ">", "≤": "<=", "≥": ">=", r"\le": "<=", r"\leq": "<=", r"\leqslant": "<=", r"\lt": "<",
    r"\ge": ">=", r"\geq": ">=", r"\geqslant": ">=", r"\gt": ">", "=": "==", r"\ne": "!=", r"\neq": "!=",
    "≠": "!=",
}  # fmt: skip
_JOINTS = {
    "and": "and", "or": "or", r"\land": "and", r"\wedge": "and", "∧": "and", ",": "and", r"\lor": "or",
    r"\vee": "or", "∨": "or",
}  # fmt: skip
_COMPLEMENTS = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
_OTHERWISE = frozenset(("otherwise", "else", "sonst", "elsewhere"))
_FILLERS = frozenset(("if", "for", "when", "where", ""))
_SPACES = frozenset((".", r"\quad", r"\qquad", r"\;", r"\,"))


def cases_of(reader: LatexWords, nested: Nested, begin: Word, words: list[Word]) -> Item:
    """Return what the words between begin and end come to. Raises ParseError."""
    rows = [row for row in split(words, "line") if row]
    hint = "write a value & a condition on every line, the last one with \\text{otherwise}"
    read: list[tuple[Item, list[Item]]] = []
    for row in rows:
        columns = split(row, "&")
        if len(columns) != 2 or not columns[0]:
            raise reader.error("a line of cases has a value and a condition", row[0], hint)
        value = columns[0][:-1] if columns[0][-1].word == "," else columns[0]
        read.append((nested(value), condition(reader, nested, columns[1], begin)))
    if not read:
        raise reader.error("there are no cases", begin, hint)
    result, last = read[-1]
    if last and not (len(read) > 1 and is_complement(last, read[-2][1])):
        raise reader.error("what holds in all other cases is not said", rows[-1][0], hint)
    for worth, holds in reversed(read[:-1]):
        if not holds:
            raise reader.error("only the last case is otherwise", begin)
        whole = Piece(holds, holds[0].first, holds[-1].last)
        result = decided(reader.text, whole, worth, result, begin.first, words[-1].last)
    return result


def condition(reader: LatexWords, nested: Nested, words: list[Word], begin: Word) -> list[Item]:
    r"""Return the items of a condition, [] for otherwise: those of 0 < x < 1 are five."""
    spoken = list(said(words))
    while spoken and "," in (spoken[0].word, spoken[-1].word):
        del spoken[0 if spoken[0].word == "," else -1]
    if [word.word in _OTHERWISE for word in spoken] == [True]:
        return []
    items: list[Item] = []
    start, depth = 0, 0
    for place, word in enumerate(spoken):
        depth += (word.word in ("(", "[", "{")) - (word.word in (")", "]", "}"))
        sign = "" if depth else _RELATIONS.get(word.word) or _JOINTS.get(word.word, "")
        if sign:
            items += [grouped(nested(spoken[start:place]))] if place > start else []
            items.append(Token(OPERATOR, sign, word.first, word.last))
            start = place + 1
        elif word.kind == "text":
            raise reader.error("a condition is expected here", word, r"x > 0, or \text{otherwise}")
    if not any(isinstance(item, Token) for item in items):
        place_of = spoken[0] if spoken else begin
        raise reader.error("a condition is a comparison", place_of, "conditions are < <= > >= = and \\ne")
    return items + ([grouped(nested(spoken[start:]))] if start < len(spoken) else [])


def said(words: list[Word]) -> Iterator[Word]:
    r"""Yield the words of a condition, what stands in \text{…} as one; without what says nothing."""
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word.word.lstrip("\\") in UPRIGHT and place < len(words) and words[place].word == "{":
            end = next((i for i in range(place, len(words)) if words[i].word == "}"), len(words) - 1)
            spoken = "".join(w.word for w in words[place + 1 : end]).strip(",. ").lower()
            place = end + 1
            if spoken not in _FILLERS:
                yield Word("text", spoken, word.first, words[end].last)
        elif word.word not in _SPACES:
            yield word


def is_complement(last: list[Item], other: list[Item]) -> bool:
    """Tell whether one comparison holds just where another does not."""
    if len(last) != 3 or len(other) != 3:
        return False
    (left, sign, right), (left_2, sign_2, right_2) = (list(map(words_of, items)) for items in (last, other))
    return sign == [_COMPLEMENTS.get(sign_2[0])] and left == left_2 and right == right_2


def words_of(item: Item) -> list[str]:
    """Return the words of an item."""
    return [token.word for token in flat([item])]


def split(words: list[Word], sign: str) -> list[list[Word]]:
    """Return the parts between signs, or words of a kind, that stand in no inner environment."""
    parts: list[list[Word]] = [[]]
    depth = 0
    for word in words:
        depth += (word.word == r"\begin") - (word.word == r"\end")
        if not depth and sign in (word.word, word.kind):
            parts.append([])
        else:
            parts[-1].append(word)
    return parts
