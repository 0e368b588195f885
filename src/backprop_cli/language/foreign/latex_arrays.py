r"""LaTeX of vectors and matrices: bold names, transposes, norms, and sums over an index.

A product without a sign, or with ``\cdot``, is one of matrices until ``mathematics`` knows what its factors
are. What stands with the index of a sum, such as ``w_i``, is all of ``w``, laid along the axis of that index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.language.arrays.ops import ARRAY_FUNCTIONS
from backprop_cli.language.foreign import functions
from backprop_cli.language.foreign.builder import Piece, called
from backprop_cli.language.foreign.latex_expression import LatexExpression
from backprop_cli.language.foreign.latex_names import GREEK, UPRIGHT, VARIANTS, known_as
from backprop_cli.language.tokens import KEYWORD, NAME, OPERATOR, POSTFIX, Token

if TYPE_CHECKING:
    from backprop_cli.language.foreign.builder import Item
    from backprop_cli.language.foreign.letters import KnownNames
    from backprop_cli.language.foreign.words import Word

_BOLD = frozenset(("mathbf", "boldsymbol", "bm", "vec", "mathbfit", "pmb"))
_BIG = {r"\sum": "sum", r"\prod": "prod"}
_TRANSPOSED = ("T", r"\top", r"\intercal", r"\mathsf", r"\mathrm", r"\text")
_NORM, _SUM = "norm", "sum"
_NORM_SIGNS = (r"\|", r"\Vert", r"\lVert", r"\rVert")
_HADAMARD = (r"\odot", r"\circ")
PRODUCT = "@"
"""Stands for every product that may be one of matrices."""


class _Index(NamedTuple):
    """The index of a sum that is open. name: a letter.  sizes: of the axes that it is used for, by names."""

    name: str
    sizes: dict[str, int | None]
    lower: int | None
    upper: str
    at: Word


class LatexArrays(LatexExpression):
    """An expression some of whose names are arrays. bound: the indices of the sums that are open."""

    def __init__(self, text: str, known: KnownNames, words: list[Word]) -> None:
        super().__init__(text, known, words)
        self.builder.product = PRODUCT
        self.bound: list[_Index] = []
        self.open_norms = 0

    # ---- words ----

    def command(self, word: Word) -> None:
        """Read a command."""
        bare = word.word.lstrip("\\")
        if bare in _BOLD:
            name, last = self.group_text()
            self.named(name, word._replace(last=last))
        elif word.word in _BIG:
            self.big(word)
        elif word.word in _HADAMARD and self.builder.after_operand:
            self.builder.sign("*", word.first, word.last)
        elif word.word in _NORM_SIGNS:
            self.norm(word)
        else:
            super().command(word)

    def sign(self, word: Word) -> None:
        """Read a sign; two bars close together are those of a norm."""
        following = self.peek()
        if word.word == "|" == following.word and following.first == word.last:
            self.place += 1
            self.norm(word._replace(last=following.last))
        elif word.word in _NORM_SIGNS:
            self.norm(word)
        else:
            super().sign(word)

    def upright(self, word: Word) -> None:
        r"""Read \text{…}, which may be a function of arrays."""
        place = self.place
        name, _ = self.group_text()
        if name.lower() in ARRAY_FUNCTIONS and self.opens() and name not in self.known:
            self.function(name.lower(), word)
        else:
            self.place = place
            super().upright(word)

    def call(self, name: str, operands: list[Item], first: int, last: int) -> Item:
        """Return the call of a function, that of an array function as it is."""
        if name in ARRAY_FUNCTIONS and not functions.is_known(name):
            return called(name, operands, first, last)
        return super().call(name, operands, first, last)

    def is_behind(self, word: Word) -> bool:
        """Tell whether a word ends the operand before it."""
        is_double = word.word == "|" == self.peek(1).word
        return super().is_behind(word) or (
            self.open_norms > 0 and (word.word in _NORM_SIGNS or is_double) and self.builder.after_operand
        )

    # ---- norms and transposes ----

    def norm(self, word: Word) -> None:
        """Open a norm, or close the one that is open."""
        builder = self.builder
        if builder.frames[-1].closing == _NORM and builder.after_operand and word.word != r"\lVert":
            self.open_norms -= 1
            kind, last = self.kind_of_norm()
            builder.frames[-1].make = lambda operands, _, first, last: self.norm_of(
                kind, [*operands], first, last
            )
            builder.close(_NORM, word.first, max(last, word.last))
            return
        self.joined(word)
        self.open_norms += 1
        builder.open(_NORM, lambda *_: Piece([], 0, 0), word.first, word.first)

    def kind_of_norm(self) -> tuple[str, int]:
        """Return what is written below a norm, and where it ends."""
        if self.peek().word != "_":
            return "", 0
        self.place += 1
        words = self.argument_words()
        kind = "".join(w.word for w in words if w.word not in "{}" and w.word.lstrip("\\") not in UPRIGHT)
        if kind not in ("2", "F", "Fro", "1", r"\infty"):
            raise self.error("this norm is not read", words[0], r"norms are \|x\|_2, _1, _\infty and _F")
        return kind, words[-1].last

    @staticmethod
    def norm_of(kind: str, operands: list[Item], first: int, last: int) -> Item:
        """Return a norm as a call."""
        if kind in ("1", r"\infty"):
            sizes = called("abs", operands, first, last)
            return called("sum" if kind == "1" else "max", [sizes], first, last)
        return called("norm", operands, first, last)

    def argument_words(self) -> list[Word]:
        """Return the words that a sign for below or above is of, and pass them."""
        word = self.peek()
        length = 1
        if word.word.lstrip("\\") in UPRIGHT and self.peek(1).word == "{":
            length = self.braces(1) + 1
        elif word.word == "{":
            length = self.braces(0) + 1
        words = self.words[self.place : self.place + length]
        if not words:
            raise self.error("something is expected here", word)
        self.place += length
        return words

    def power(self, word: Word) -> None:
        """Read a power, of which T is a transpose."""
        place = self.place
        builder = self.builder
        if builder.after_operand and self.peek().word in ("{", *_TRANSPOSED):
            words = self.argument_words()
            inner = [w.word for w in words if w.word not in "{}" and w.word.lstrip("\\") not in UPRIGHT]
            if len(inner) == 1 and inner[0] in _TRANSPOSED and "T" not in self.known:
                last = words[-1].last
                builder.wrap(
                    lambda item: Piece([item, Token(POSTFIX, ".T", word.first, last)], item.first, last)
                )
                return
            self.place = place
        super().power(word)

    # ---- sums over an index ----

    def big(self, word: Word) -> None:
        r"""Read \sum_{i=1}^{n}, whose operand goes on to the next sign of a sum."""
        below: list[Word] = []
        upper: list[Word] = []
        while self.peek().word in ("_", "^"):
            is_below = self.take().word == "_"
            words = [w for w in self.argument_words() if w.word not in "{}"]
            if is_below:
                below = words
            else:
                upper = words
        first = next((i for i, w in enumerate(below) if w.word == "="), len(below))
        letters = [w for w in below[:first] if w.word != ","]
        lower = "".join(w.word for w in below[first + 1 :])
        if not letters or not all(self.index_name(w) for w in letters):
            hint = r"write \sum_i, \sum_{i=1}^n or \sum_{i,j}"
            raise self.error("an index is expected below this sign", below[0] if below else word, hint)
        if lower not in ("", "0", "1") or (lower and len(letters) > 1):
            raise self.error("a sum over a part is not read", below[-1], "write its terms out, or x[1:]")
        self.joined(word)
        start = int(lower) if lower else None
        for letter in letters:
            at = word._replace(last=letter.last)
            index = _Index(self.index_name(letter), {}, start, "".join(w.word for w in upper), at)
            if any(index.name == other.name for other in self.bound):
                raise self.error(f"{index.name} is the index of two sums", letter)
            self.bound.append(index)
            self.builder.open(
                _SUM,
                lambda operands, _, first, last: self.summed(_BIG[word.word], operands[0], first, last),
                word.first,
                word.first,
            )

    @staticmethod
    def index_name(word: Word) -> str:
        """Return the letter that a word is, "" if it is none."""
        bare = word.word.lstrip("\\")
        return bare if word.kind == "letter" or bare in GREEK or bare in VARIANTS else ""

    def summed(self, name: str, body: Piece, first: int, last: int) -> Item:
        """Return the sum that ends here."""
        index = self.bound.pop()
        if not index.sizes:
            hint = f"what is summed has it: x_{index.name}"
            raise self.error(f"the index {index.name} is not used", index.at, hint)
        self.check_upper(index)
        items: list[Item] = [
            Token(NAME, name, first, last),
            Token(OPERATOR, "(", first, first),
            body,
            Token(KEYWORD, "axis=-1", last, last),
            Token(OPERATOR, ")", last, last),
        ]
        return Piece(items, first, last)

    def check_upper(self, index: _Index) -> None:
        """Refuse a sum that does not go over all elements."""
        upper, size = index.upper, next((n for n in index.sizes.values() if n is not None), None)
        if not upper:
            return
        end = None if size is None else size - 1 + (1 if index.lower is None else index.lower)
        name, offset = (upper[:-2], 1) if upper.endswith("-1") else (upper, 0)
        given = self.known.given.get(known_as(name, self.known))
        number = float(name) if name.isdigit() else given if isinstance(given, float) else None
        is_all = name.isalnum() and (offset == 0 if index.lower != 0 or name.isdigit() else offset == 1)
        if number is not None:
            is_all = end is not None and number - offset == end
        if not is_all:
            used = ", ".join(index.sizes)
            hint = f"\\sum_{index.name} is over all elements of {used}"
            if size is not None:
                hint += f", which are {size}"
            raise self.error("a sum over a part is not read", index.at, hint)

    def named(self, name: str, word: Word) -> None:
        """Put a name there; with the index of a sum, what it stands for along the axis of that."""
        plain = known_as(name, self.known)
        letters = self.indices() if self.peek().word == "_" and self.bound else []
        if letters and plain not in self.known:
            hint = f"the index goes over its elements: {plain}=[1, 2, 3]"
            raise self.error(f"{plain} has no value", word, hint)
        if letters:
            self.place += 1
            last = self.argument_words()[-1].last
            self.joined(word)
            self.builder.operand(self.along(plain, letters, word.first, last))
            return
        super().named(name, word)
        item = self.builder.items[-1] if self.builder.after_operand else None
        is_array = isinstance(item, Token) and item.word in self.known.shapes
        if is_array and self.bound:
            hint = f"write {name}_{self.bound[-1].name}, or sum it before"
            raise self.error("within a sum an array stands with its index", word, hint)

    def indices(self) -> list[str]:
        """Return the indices below the name that comes, [] where not all of them are those of sums."""
        place = self.place
        self.place += 1
        words = [w for w in self.argument_words() if w.word not in ("{", "}", ",")]
        self.place = place
        names = [index.name for index in self.bound]
        letters = [self.index_name(w) for w in words]
        return letters if all(letter in names for letter in letters) else []

    def along(self, name: str, letters: list[str], first: int, last: int) -> Item:
        """Return an array laid along the axes of its indices, which are those of the sums that are open."""
        shape = self.known.shapes.get(name)
        token = Token(NAME, name, first, last)
        if len(set(letters)) < len(letters):
            raise self.error("an index stands twice below one name", token, "write the sum out")
        if shape is not None and len(shape) != len(letters):
            raise self.error(
                f"{name} has {len(shape)} ax{'i' if len(shape) == 1 else 'e'}s, not {len(letters)}",
                token,
                "each axis has its index",
            )
        axes = [index.name for index in self.bound]
        places = [axes.index(letter) for letter in letters]
        for place, size in zip(places, shape or [None] * len(places), strict=True):
            sizes = self.bound[place].sizes
            sizes[name] = size
            if len({n for n in sizes.values() if n is not None}) > 1:
                told = " and ".join(f"{n} in {of}" for of, n in sizes.items() if n is not None)
                raise self.error(f"the index {axes[place]} goes to {told}", token)
        items: list[Item] = [token]
        if places != sorted(places):
            if len(places) > 2:
                raise self.error("the indices are not in the order of the sums", token, "put them in order")
            items.append(Token(POSTFIX, ".T", last, last))
        kept = [":" if place in places else "None" for place in range(min(places), len(axes))]
        items.append(Token(POSTFIX, f"[{', '.join(kept)}]", last, last))
        return Piece(items, first, last)

    def end_loose(self, word: Word) -> None:
        """End operands of functions, divisors and sums that end before a word."""
        builder = self.builder
        while True:
            super().end_loose(word)
            is_sum = builder.frames[-1].closing == _SUM and builder.after_operand
            if not is_sum or not self.is_behind(word) or self.goes_on(word):
                return
            last = builder.frames[-1].items[-1].last
            builder.close(_SUM, last, last)

    def nested(self, words: list[Word]) -> Piece:
        """Return the operand that other words are, which may use the indices, too."""
        inner = type(self)(self.text, self.known, words)
        inner.depth, inner.bound = self.depth, self.bound
        return self.nested_in(inner, words)
