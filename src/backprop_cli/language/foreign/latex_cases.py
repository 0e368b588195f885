r"""The environment of cases: a value and a condition a line, which are ``where`` in the plain language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.language.foreign.builder import Item, Piece, called, flat, grouped
from backprop_cli.language.foreign.latex_names import UPRIGHT
from backprop_cli.language.tokens import OPERATOR, Token

if TYPE_CHECKING:
    from collections.abc import Callable

    from backprop_cli.language.foreign.latex_words import LatexWords
    from backprop_cli.language.foreign.words import Word

    Nested = Callable[[list[Word]], Piece]
    """Returns the operand that words are."""

_RELATIONS = {
    "<": "<", ">": ">", "≤": "<=", "≥": ">=", r"\le": "<=", r"\leq": "<=", r"\leqslant": "<=", r"\lt": "<",
    r"\ge": ">=", r"\geq": ">=", r"\geqslant": ">=", r"\gt": ">",
}  # fmt: skip
_COMPLEMENTS = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_OTHERWISE = frozenset(("otherwise", "else", "sonst", "elsewhere", "otherwise."))
_FILLERS = frozenset(("if", "for", "when", "where", "and", ""))

Condition = tuple[Item, str, Item]


def cases_of(reader: LatexWords, nested: Nested, begin: Word, words: list[Word]) -> Item:
    """Return what the words between begin and end come to. Raises ParseError."""
    rows = [row for row in split(words, "line") if row]
    hint = "write a value & a condition on every line, the last one with \\text{otherwise}"
    read: list[tuple[Item, list[Condition]]] = []
    for row in rows:
        columns = split(row, "&")
        if len(columns) != 2 or not columns[0]:
            raise reader.error("a line of cases has a value and a condition", row[0], hint)
        value = (
            [word for word in columns[0] if word.word != ","] if columns[0][-1].word == "," else columns[0]
        )
        read.append((nested(value), conditions(reader, nested, columns[1], begin)))
    if not read:
        raise reader.error("there are no cases", begin, hint)
    result, last = read[-1]
    if last and not (len(read) > 1 and is_complement(last, read[-2][1])):
        raise reader.error("what holds in all other cases is not said", rows[-1][0], hint)
    for worth, holds in reversed(read[:-1]):
        if not holds:
            raise reader.error("only the last case is otherwise", begin)
        chosen: Item = worth
        for left, sign, right in reversed(holds):
            relation = Piece(
                [left, Token(OPERATOR, sign, right.first, right.first), right], left.first, right.last
            )
            chosen = called("where", [relation, chosen, result], begin.first, words[-1].last)
        result = chosen
    return result


def conditions(reader: LatexWords, nested: Nested, words: list[Word], begin: Word) -> list[Condition]:
    r"""Return the comparisons of a condition, [] for otherwise: 0 < x < 1 has two."""
    said, rest = reader_words(words)
    if said & _OTHERWISE and not rest:
        return []
    if said - _FILLERS or not rest:
        raise reader.error(
            "a condition is expected here", words[0] if words else begin, r"x > 0, or \text{otherwise}"
        )
    sides: list[list[Word]] = [[]]
    signs: list[str] = []
    for word in rest:
        if word.word in _RELATIONS:
            signs.append(_RELATIONS[word.word])
            sides.append([])
        else:
            sides[-1].append(word)
    if not signs or not all(sides):
        raise reader.error("a condition is a comparison", rest[0], "conditions are < <= > >=")
    items = [grouped(nested(side)) for side in sides]
    return [(items[i], sign, items[i + 1]) for i, sign in enumerate(signs)]


def reader_words(words: list[Word]) -> tuple[set[str], list[Word]]:
    r"""Return what a condition says in \text{…}, and the words that are left."""
    said: set[str] = set()
    rest: list[Word] = []
    place = 0
    while place < len(words):
        word = words[place]
        is_text = (
            word.word.lstrip("\\") in UPRIGHT and place + 1 < len(words) and words[place + 1].word == "{"
        )
        if is_text:
            end = next((i for i in range(place, len(words)) if words[i].word == "}"), len(words) - 1)
            said |= {"".join(w.word for w in words[place + 2 : end]).strip(",. ").lower()}
            place = end + 1
            continue
        if word.word not in (",", ".", r"\quad", r"\qquad", r"\;"):
            rest.append(word)
        place += 1
    return said, rest


def is_complement(last: list[Condition], other: list[Condition]) -> bool:
    """Tell whether one comparison holds just where another does not."""
    if len(last) != 1 or len(other) != 1:
        return False
    (left, sign, right), (left_2, sign_2, right_2) = last[0], other[0]
    return (
        sign == _COMPLEMENTS[sign_2]
        and words_of(left) == words_of(left_2)
        and words_of(right) == words_of(right_2)
    )


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
