"""Values as they are written behind a program: numbers, and arrays of them."""

from __future__ import annotations

import re
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import InputError, ParseError
from backprop_cli.language.arrays.shapes import element_names
from backprop_cli.language.arrays.values import Array, Value, finite_element, flattened, refuse_size
from backprop_cli.language.reader import canonical_name, is_name, normalise
from backprop_cli.language.source import evaluate_constant, read_assignments, read_constant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from backprop_cli.language.code import Code

_FORM = re.compile(r"\s*([^\s=]+)\s*=\s*([\[@])", re.DOTALL)
_SHAPED = re.compile(r"\s*([^\s=:\[@]+)\s*:\s*([0-9]+(?:\s*x\s*[0-9]+)*)\s*", re.DOTALL)
_PLAIN_NUMBER = re.compile(r"\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\s*")


def read_values(
    arguments: Iterable[str],
    hint: str = "",
    load: Callable[[str, str], Array] | None = None,
    *,
    shapes: bool = False,
    elements: bool = False,
) -> dict[str, Value]:
    """Read NAME=VALUE arguments where VALUE may be an array, ``[1, 2]`` or the name of a file behind an @.

    shapes: whether ``W:2x3``, the shape of an array alone, is one.  elements: whether NAME may be ``w[0]``.

    hint: what to say of a word that is nothing like NAME=VALUE.
    load: reads the array for a name from a file.

    Raises InputError, ParseError or FileError.
    """
    found: dict[str, Value] = {}
    words = []
    for word in arguments:
        shaped = shape_of(word) if shapes else None
        if shaped or is_array_value(word):
            name, array = shaped or read_array(word, load)
            if name in found:
                raise InputError(f"{name} is given twice", word, 0, len(word))
            found[name] = array
        else:
            words.append(word)
    numbers = read_assignments(words, hint, elements=elements)
    for name in found:
        if name in numbers:
            raise InputError(f"{name} is given twice")
    return {**numbers, **found}


def is_array_value(word: str) -> bool:
    """Tell whether a word is NAME=[…] or NAME=@FILE."""
    return bool(_FORM.match(word))


def shape_of(word: str) -> tuple[str, Array] | None:
    """Return the name and the shape of NAME:2x3, None for another word."""
    match = _SHAPED.fullmatch(word)
    if match is None:
        return None
    shape = tuple(int(size) for size in match[2].split("x"))
    if not prod(shape):
        raise InputError(
            f"{match[1]} has no elements", word, *match.span(2), "sizes are 1 or more: w:3, W:2x3"
        )
    refuse_size(match[1], prod(shape))
    return match[1], Array(shape, ())


def read_array(word: str, load: Callable[[str, str], Array] | None = None) -> tuple[str, Array]:
    """Return the name and the array of NAME=[…] or NAME=@FILE, which ``load`` reads.

    Raises InputError or ParseError, and what ``load`` raises.
    """
    name, text, start = _name_of(word)
    file = text[start:].strip()
    if file.startswith("@"):
        if load is None:
            raise InputError(f"{name} can't come from a file here", text, hint=f"write {name}=[1, 2, 3]")
        return name, load(name, file[1:])
    pieces = _pieces(name, text, start)
    return name, flattened(name, pieces, lambda piece: finite_element(name, _number(text, piece)))


def element_texts(word: str) -> dict[str, str]:
    """Return the elements of NAME=[…] by their names, as they are written.

    Raises InputError or ParseError.
    """
    name, text, start = _name_of(word)
    if text[start:].strip().startswith("@"):
        raise InputError(f"{name} can't come from a file here", text, hint=f"write {name}=[1, 2, 3]")
    texts: list[str] = []

    def collect(piece: _Piece) -> float:
        texts.append(piece.text.strip())
        return 0.0

    shape = flattened(name, _pieces(name, text, start), collect).shape
    return dict(zip(element_names(name, shape), texts, strict=True))


def written_elements(word: str) -> Iterator[tuple[str, Code, str]]:
    """Yield name and code of each element of NAME=[…], with the text that its spans are of.

    Raises InputError or ParseError.
    """
    name, text, start = _name_of(word)
    found: list[_Piece] = []

    def collect(piece: _Piece) -> float:
        found.append(piece)
        return 0.0

    shape = flattened(name, _pieces(name, text, start), collect).shape
    for element, piece in zip(element_names(name, shape), found, strict=True):
        yield element, _told_in(text, partial(read_constant, piece.padded)), piece.padded


def _name_of(word: str) -> tuple[str, str, int]:
    """Return the name in NAME=…, the text, and where the value begins in it. Raises InputError."""
    text = normalise(word)
    left = text.partition("=")[0]
    name = canonical_name(left.strip())
    if not is_name(name):
        raise InputError(f"{left!r} is not a name", text, 0, len(left), "write NAME=VALUE, such as w=[1,2,3]")
    return name, text, len(left) + 1


class _Piece:
    """An element as it is written, and where that ends."""

    __slots__ = ("end", "text")

    def __init__(self, text: str, end: int) -> None:
        self.text = text
        self.end = end

    @property
    def padded(self) -> str:
        """The element where it stands in the whole text."""
        return " " * (self.end - len(self.text)) + self.text


def _pieces(name: str, text: str, start: int) -> list[Any]:
    """Return lists of lists of pieces: the array that a text holds from a place on."""
    elements: list[Any] = []
    stack: list[list[Any]] = []
    whole: list[Any] | None = None
    place = start
    depth, begin = 0, start
    for match in re.finditer(r"[\[\](),]", text[start:]):
        sign, place = match[0], start + match.start()
        if sign in "()":
            depth += 1 if sign == "(" else -1
            continue
        if depth > 0:
            continue
        piece = text[begin:place]
        begin = place + 1
        if sign == "[":
            if piece.strip() or whole is not None:
                raise ParseError("a comma is missing before this list", text, place, place + 1)
            inner: list[Any] = []
            if stack:
                stack[-1].append(inner)
            else:
                elements = inner
            stack.append(inner)
            continue
        if not stack:
            raise ParseError(
                f"this {sign} has no list around it", text, place, place + 1, "an array is [1, 2, 3]"
            )
        if piece.strip():
            stack[-1].append(_Piece(piece, place))
        elif sign == "," and (not stack[-1] or text[:place].rstrip()[-1:] == ","):
            raise ParseError("a number is missing before this comma", text, place, place + 1)
        if sign == "]":
            stack.pop()
            if not stack:
                whole = elements
    rest = text[begin:]
    if stack:
        raise ParseError(
            "a [ is never closed", text, start, len(text), "an array is [1, 2, 3] or [[1, 2], [3, 4]]"
        )
    if whole is None or rest.strip():
        at = begin + len(rest) - len(rest.lstrip())
        raise ParseError("nothing stands behind a list", text, at, len(text), f"{name}=[1, 2, 3] is an array")
    return whole


def _number(text: str, piece: _Piece) -> float:
    """Return the value of an element. Raises ParseError or InputError."""
    if _PLAIN_NUMBER.fullmatch(piece.text):
        return float(piece.text)
    return float(_told_in(text, partial(evaluate_constant, piece.padded)))


def _told_in(text: str, read: Callable[[], Any]) -> Any:
    """Return what is read; what is wrong with it is shown in this text."""
    try:
        return read()
    except (ParseError, InputError) as error:
        error.text = text
        raise
