r"""An expression of LaTeX: fractions, roots, powers and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.language.foreign import functions
from backprop_cli.language.foreign.builder import (
    Builder,
    Item,
    Piece,
    called,
    filled,
    group,
    grouped,
    leading,
)
from backprop_cli.language.foreign.latex_cases import cases_of
from backprop_cli.language.foreign.latex_names import ACCENTS, GREEK, UPRIGHT, VARIANTS, known_as
from backprop_cli.language.foreign.latex_words import FUNCTIONS, LatexWords
from backprop_cli.language.foreign.scan import RefusalError
from backprop_cli.language.tokens import NAME, NUMBER, OPERATOR, Token

if TYPE_CHECKING:
    from collections.abc import Callable

    from backprop_cli.errors import ParseError
    from backprop_cli.language.foreign.letters import KnownNames
    from backprop_cli.language.foreign.words import Word

_INVERSES = {
    name: f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "cot", "sec", "csc", "coth")
}
_SIGNS = {
    "+": "+", "-": "-", "*": "*", "/": "/", "<": "<", ">": ">", "≤": "<=", "≥": ">=", "×": "*", "·": "*",
    r"\cdot": "*", r"\times": "*", r"\ast": "*", r"\div": "/", r"\le": "<=", r"\leq": "<=",
    r"\leqslant": "<=", r"\lt": "<", r"\ge": ">=", r"\geq": ">=", r"\geqslant": ">=", r"\gt": ">",
}  # fmt: skip
_OPENING = {"(": ")", "[": "]", r"\{": r"\}", r"\lbrace": r"\rbrace", "{": "}", r"\lvert": r"\rvert"}
_CLOSING = frozenset((",", ")", "]", "}", r"\}", r"\right", r"\rvert", "", "&", r"\rbrace", r"\end"))
_BARS = ("|", r"\vert", r"\mid")
_VECTORS = "arrays are given values: x=[1, 2, 3]"
_REFUSED = {
    r"\sum": f"write the terms out; {_VECTORS}", r"\prod": f"write the factors out; {_VECTORS}",
    r"\int": "an integral is not a formula of these", r"\partial": "derivatives are what this computes",
    r"\nabla": "derivatives are what this computes", r"\lim": "a limit is not computed here",
    r"\mathbf": _VECTORS, r"\boldsymbol": _VECTORS, r"\bm": _VECTORS, r"\vec": _VECTORS, r"\top": _VECTORS,
    r"\intercal": _VECTORS, r"\odot": _VECTORS, r"\|": _VECTORS, r"\Vert": _VECTORS, r"\lVert": _VECTORS,
    r"\in": "paste the formula alone", r"\sim": "paste the formula alone",
    r"\leftarrow": "write = for an assignment", r"\approx": "write = for a definition",
    r"\pm": "write + or -", r"\mathbb": "paste the formula alone", "!": "a factorial is written out",
    r"\infty": "there is no infinity", r"\dots": "write the terms out", r"\cdots": "write the terms out",
    r"\ldots": "write the terms out", "&": "a column is only in cases", r"\lg": "write \\log_{10} or \\log_2",
    r"\over": r"write \frac{…}{…}", r"\atop": r"write \frac{…}{…}", r"\choose": "write it out",
}  # fmt: skip
_DEEPEST = 20  # roots whose index holds roots, cases within cases
_LOOSE, _DIVISOR = "loose", "divisor"


class LatexExpression(LatexWords):
    """The words of one expression, read from left to right. place: of the word that comes next."""

    def __init__(self, text: str, known: KnownNames, words: list[Word]) -> None:
        super().__init__(text, known, words)
        self.builder = Builder(text)
        self.depth = 0
        self.open_bars = 0

    def read(self) -> list[Item]:
        """Return the items of the words. Raises ParseError."""
        builder = self.builder
        while self.place < len(self.words):
            self.end_loose(self.peek())
            word = self.take()
            if word.kind == "number":
                self.number(word)
            elif word.kind == "letter":
                self.letter(word)
            elif word.kind == "command":
                self.command(word)
            else:
                self.sign(word)
        self.end_loose(self.peek())
        return builder.complete(self.words[-1].last)

    # ---- operands ----

    def joined(self, word: Word) -> None:
        """Put a multiplication before an operand that stands right behind another one."""
        builder = self.builder
        if not builder.after_operand:
            return
        frame = builder.frames[-1]
        if frame.closing == _DIVISOR:
            first = frame.items[0]
            if isinstance(first, Token) and first.lastindex == NUMBER and self.is_over_number(frame.first):
                self.end_divisor()  # 1/2 m v^2
                if word.word.startswith("\\"):
                    raise self.two_divisors(word)
            elif (
                not isinstance(first, Token)
                or word.word in ("(", "[", r"\left", r"\frac", r"\sqrt")
                or (first.lastindex == NUMBER and len(frame.items) == 1)
            ):
                raise self.two_divisors(word)
        builder.multiply(word.first)

    def is_over_number(self, place: int) -> bool:
        """Tell whether the division at a place is that of a number that begins a term: 1/2."""
        outer = self.builder.frames[-2].items
        before = outer[-3] if len(outer) > 2 else None
        dividend = outer[-2] if len(outer) > 1 else None
        is_number = isinstance(dividend, Token) and dividend.lastindex == NUMBER
        return (
            place > 0
            and is_number
            and (before is None or (isinstance(before, Token) and before.word in ("+", "-", "(", "<", ">")))
        )

    def two_divisors(self, word: Word) -> ParseError:
        """Return the refusal of a product behind a division."""
        return self.error(
            "a product without a sign stands behind a division, and is read in two ways", word,
            r"write \frac{…}{…}, or put the divisor in parentheses",
        )  # fmt: skip

    def number(self, word: Word) -> None:
        """Read a number."""
        builder = self.builder
        if builder.after_operand:
            last = builder.items[-1]
            if isinstance(last, Token) and last.lastindex == NAME and last.last == word.first:
                name = known_as(last.word + word.word, self.known)
                if name in self.known:
                    builder.items[-1] = Token(NAME, name, last.first, word.last)
                    return
                raise self.error(
                    "a number stands right behind a name", word, f"write {last.word}_{word.word} for an index"
                )
            self.joined(word)
        builder.number(word.word, word.first, word.last)

    def letter(self, word: Word) -> None:
        """Read a letter, or a word of letters that is given or is a function's."""
        run = self.run_of_letters(max(self.known.longest, functions.LONGEST))
        name = "".join(w.word for w in run)
        following = self.peek(len(run) - 1)
        if (
            len(run) > 1
            and name not in self.known
            and following.word in ("(", r"\left")
            and functions.is_known(name)
        ):
            self.place += len(run) - 1
            self.function(name, word)
            return
        if len(run) > 1 and name in self.known:
            self.place += len(run) - 1
            word = word._replace(word=name, last=run[-1].last)
        self.named(word.word, word)

    def named(self, name: str, word: Word) -> None:
        """Put a name there, with what is written below and beside it."""
        name, last = self.decorated(name, word.last)
        name = known_as(name, self.known)
        if name == "e" and "e" not in self.known:
            self.joined(word)
            if self.peek().word == "^":
                self.builder.name("e", word.first, last)
            else:
                self.builder.operand(filled("exp(1)", [], word.first, last))
            return
        if name in ("σ", "sigma") and name not in self.known and self.opens():
            self.function("sigmoid", word)
            return
        if name == "d" and self.peek().kind == "letter" and name not in self.known:
            raise self.error("d may be that of a derivative", word, "derivatives are what this computes")
        self.joined(word)
        self.builder.name(name, word.first, last)
        if name not in self.known and name != "pi" and self.opens():
            hint = f"give {name} a value for a product, or write \\cdot"
            raise self.error(f"{name} stands before a parenthesis: is it a function?", word, hint)

    # ---- commands ----

    def command(self, word: Word) -> None:
        """Read a command."""
        bare = word.word.lstrip("\\").rstrip("*")
        if word.word in _SIGNS:
            self.operator(word)
        elif word.word in _REFUSED:
            raise self.error(f"{word.word} is not read", word, _REFUSED[word.word])
        elif word.word in FUNCTIONS:
            self.function(FUNCTIONS[word.word], word)
        elif bare == "pi":
            self.named("pi", word)
        elif bare == "Delta" and self.peek().kind == "letter" and "Delta" not in self.known:
            letter = self.take()
            self.named(f"Delta_{letter.word}", word._replace(last=letter.last))
        elif bare in GREEK or bare in VARIANTS:
            self.named(VARIANTS.get(bare, bare), word)
        elif bare in ACCENTS:
            name, last = self.group_text()
            self.named(f"{name}_{ACCENTS[bare]}", word._replace(last=last))
        elif bare in UPRIGHT:
            self.upright(word)
        elif bare in ("frac", "tfrac", "dfrac", "cfrac"):
            self.fraction(word)
        elif bare == "sqrt":
            self.root(word)
        elif bare in ("left", "right", "bigl", "bigr"):
            pass  # the sign behind it tells
        elif bare in ("underbrace", "overbrace"):
            self.braced(word)
        elif bare == "begin":
            self.cases(word)
        elif word.word in _BARS or word.word in _OPENING or word.word in (r"\rvert", r"\rbrace"):
            self.sign(word)
        else:
            raise self.error(f"{word.word} is not known", word)

    def upright(self, word: Word) -> None:
        r"""Read \text{…}, which is a name or a function."""
        last_item = self.builder.items[-1] if self.builder.items else None
        is_behind_number = isinstance(last_item, Token) and last_item.lastindex == NUMBER
        name, last = self.group_text()
        if is_behind_number and name not in self.known and not functions.is_known(name.lower()):
            raise self.error("a unit stands behind a number", word, "leave units out")
        word = word._replace(last=last)
        lower = name.lower()
        if name not in self.known and self.opens() and functions.is_known(lower) and lower != "log":
            self.function(lower, word)
        elif functions.is_known(name) and name not in self.known:
            self.function(name, word)
        else:
            self.named(name, word)

    def braced(self, word: Word) -> None:
        r"""Read \underbrace{…}_{…}, of which the first part counts."""
        if self.peek().word != "{":
            raise self.error("a { is expected behind it", word)
        self.joined(word)

        def annotated(item: Item) -> None:
            self.builder.operand(item)
            if self.peek().word in ("_", "^"):
                self.place += 1
                if self.peek().word.lstrip("\\") in UPRIGHT:
                    self.place += 1
                self.place += (self.braces(0) if self.peek().word == "{" else 0) + 1

        self.argument(annotated, word)

    def argument(self, use: Callable[[Item], None], word: Word) -> None:
        """Read what a command takes: in braces, or one letter or digit. use: what is done with it."""
        following = self.take()
        if following.word == "{":

            def make(operands: list[Piece], _: dict[str, Piece], first: int, last: int) -> Item:
                if len(operands) != 1:
                    raise self.error("a value is expected in the braces", following)
                return grouped(Piece([operands[0]], first, last))

            self.builder.open("}", make, following.first, following.first)
            self.builder.frames[-1].then = use
        elif following.kind == "number":
            if len(following.word) > 1:  # \frac12
                self.place -= 1
                self.words[self.place] = following._replace(
                    word=following.word[1:], first=following.first + 1
                )
            use(Token(NUMBER, following.word[0], following.first, following.first + 1))
        elif following.kind == "letter" or following.word.lstrip("\\") in (*GREEK, *VARIANTS, "pi"):
            name = VARIANTS.get(following.word.lstrip("\\"), following.word.lstrip("\\"))
            use(Token(NAME, known_as(name, self.known), following.first, following.last))
        else:
            raise self.error(f"a value in braces is expected behind {word.word}", following)

    def fraction(self, word: Word) -> None:
        """Read a fraction."""
        self.joined(word)

        def over(top: Item) -> None:
            def under(bottom: Item) -> None:
                names = [*leading([top], 2)[1:], *leading([bottom], 2)[1:]]
                if names == ["d", "d"] and "d" not in self.known:
                    raise self.error("derivatives are what this computes", word)
                sign = Token(OPERATOR, "/", bottom.first, bottom.first)
                self.builder.operand(
                    grouped(Piece([grouped(top), sign, grouped(bottom)], word.first, bottom.last))
                )

            self.argument(under, word)

        self.argument(over, word)

    def root(self, word: Word) -> None:
        """Read a root, with its index if there is one."""
        self.joined(word)
        if self.peek().word == "[":
            end = next((i for i in range(1, len(self.words) - self.place) if self.peek(i).word == "]"), None)
            if end is None or end < 2:
                raise self.error("this [ is never closed", self.peek())
            inner = self.words[self.place + 1 : self.place + end]
            index = self.nested(inner)
            self.place += end + 1
            self.argument(
                lambda item: self.builder.operand(functions.root(item, index, word.first, item.last)), word
            )
        else:
            self.argument(
                lambda item: self.builder.operand(called("sqrt", [item], word.first, item.last)), word
            )

    # ---- functions ----

    def function(self, name: str, word: Word) -> None:
        """Read a function with its power or base, and what its operand stands in."""
        self.joined(word)
        base: Item | None = None
        if self.peek().word == "_" and name == "log":
            self.place += 1
            base = self.base(word)
        elif self.peek().word == "_":
            raise self.error(f"a subscript of {name} is not read", self.peek())
        power = self.power_of(word)
        text = "" if power is None else self.text[power.first : power.last].replace(" ", "").strip("{}")
        if text == "-1" and name in _INVERSES:
            name, power = _INVERSES[name], None
        elif text.startswith("-"):
            raise self.error(f"{name} to the power {text} is read in two ways", word, f"write 1/{name}(x)")

        def made(operands: list[Item], first: int, last: int) -> Item:
            if base is not None:
                operands = [*operands, base]
            item = self.call(name, operands, first, last)
            return item if power is None else filled("_1^_2", [item, power], first, last)

        self.operand_of(name, word, made)

    def call(self, name: str, operands: list[Item], first: int, last: int) -> Item:
        """Return the call of a function."""
        return functions.call(self.text, name, operands, first, last)

    def base(self, word: Word) -> Item:
        """Return the base of a logarithm."""
        following = self.take()
        if following.word == "{":
            self.place -= 1
            end = self.braces(0)
            inner = self.words[self.place + 1 : self.place + end]
            self.place += end + 1
            if not inner:
                raise self.error("a base is expected here", word)
            return self.nested(inner)
        if following.kind == "number" and len(following.word) == 1:
            return Token(NUMBER, following.word, following.first, following.last)
        if following.kind == "letter":
            return Token(NAME, known_as(following.word, self.known), following.first, following.last)
        raise self.error("the base of a logarithm stands in braces", following, r"write \log_{10} x")

    def power_of(self, word: Word) -> Item | None:
        """Return what a function is raised to before its operand."""
        if self.peek().word != "^":
            return None
        length = self.braces(1) if self.peek(1).word == "{" else 1
        inner = self.words[self.place + 1 : self.place + length + 1]
        if not inner or inner[0].word == "{":
            inner = inner[1:-1]
        elif len(inner[0].word) > 1:
            raise self.error("a power of two digits stands in braces", inner[0])
        if not inner:
            raise self.error("a power is expected here", word)
        self.place += length + 1
        return self.nested(inner)

    def operand_of(self, name: str, word: Word, made: Callable[[list[Item], int, int], Item]) -> None:
        """Open the operand of a function."""
        builder = self.builder

        def make(operands: list[Piece], _: dict[str, Piece], first: int, last: int) -> Item:
            return made([*operands], first, last)

        following = self.peek()
        if following.word == r"\left":
            self.place += 1
            following = self.peek()
        closing = {**_OPENING, "|": ""}.get(following.word)
        if closing:
            self.place += 1
            if following.word == r"\lvert":
                self.place -= 1
            else:
                builder.open(closing, make, word.first, following.first)
                return
        if not following.word:
            raise self.error(f"{name} has no operand", word)
        builder.open(_LOOSE, make, word.first, word.first)

    def end_loose(self, word: Word) -> None:
        """End the operand of a function, or a divisor, that ends before a word."""
        builder = self.builder
        while builder.frames[-1].closing in (_LOOSE, _DIVISOR):
            frame = builder.frames[-1]
            if not builder.after_operand:
                if word.word in _SIGNS or not word.word:
                    if frame.closing == _LOOSE:
                        raise self.error("the operand of this function is missing", word)
                    if word.word not in ("-", "+"):
                        raise self.error("a divisor is expected here", word)
                return
            is_end = self.is_behind(word)
            if frame.closing == _DIVISOR:
                if not is_end:
                    return
                self.end_divisor()
                continue
            if not (is_end or self.ends_operand(word)):
                return
            if _SIGNS.get(word.word) == "/":
                raise self.two_operands(frame.first, word)
            self.close_loose()

    def is_behind(self, word: Word) -> bool:
        """Tell whether a word ends the operand before it: a sign, or what closes."""
        is_bar = word.word in _BARS and self.open_bars > 0
        return word.word in _SIGNS or word.word in _CLOSING or is_bar or word.kind == "line"

    @staticmethod
    def goes_on(word: Word) -> bool:
        """Tell whether a sign goes on with a product."""
        return _SIGNS.get(word.word) in ("*", "/")

    def ends_operand(self, word: Word) -> bool:
        """Tell whether the operand of a function ends before a word; refuse what is unclear."""
        if word.word in ("^", "_", "'"):
            return False
        if word.word in FUNCTIONS:
            return True
        frame = self.builder.frames[-1]
        first = next(
            item for item in frame.items if not (isinstance(item, Token) and item.lastindex == OPERATOR)
        )
        is_coefficient = isinstance(first, Token) and (first.lastindex == NUMBER or first.word == "pi")
        if is_coefficient and word.kind in ("letter", "command"):
            return False
        raise self.two_operands(frame.first, word)

    def two_operands(self, first: int, word: Word) -> ParseError:
        """Return the refusal of an operand that can end here or further on."""
        return RefusalError(
            "the operand of this function can end here or further on", self.text, first, word.last,
            "put the operand in parentheses",
        )  # fmt: skip

    def close_loose(self) -> None:
        """Close the operand of a function."""
        builder = self.builder
        frame = builder.frames[-1]
        builder.close(_LOOSE, frame.items[-1].last, frame.items[-1].last)

    def end_divisor(self) -> None:
        """Close a divisor of several factors."""
        builder = self.builder
        frame = builder.frames[-1]
        builder.close(_DIVISOR, frame.items[-1].last, frame.items[-1].last)

    # ---- signs ----

    def operator(self, word: Word) -> None:
        """Read an operator."""
        builder, sign = self.builder, _SIGNS[word.word]
        if builder.after_operand:
            builder.sign(builder.product if sign == "*" else sign, word.first, word.last)
            if sign == "/":
                builder.open(
                    _DIVISOR,
                    lambda operands, _, first, last: grouped(Piece([*operands], first, last)),
                    word.last,
                    word.first,
                )
        elif sign in ("+", "-"):
            builder.sign(sign, word.first, word.last)
        else:
            raise self.error(f"a value is expected before {word.word}", word)

    def sign(self, word: Word) -> None:
        """Read a sign, a parenthesis or a power."""
        builder = self.builder
        if word.word in _SIGNS:
            self.operator(word)
        elif word.word == "^":
            self.power(word)
        elif word.word in _BARS or word.word in (r"\lvert", r"\rvert"):
            self.bar(word)
        elif word.word in _OPENING:
            self.joined(word)
            builder.open(_OPENING[word.word], group, word.first, word.first)
        elif word.word in _OPENING.values():
            frame = builder.frames[-1]
            builder.close(word.word, word.first, word.last)
            if frame.then is not None:
                builder.after_operand = False
                frame.then(builder.items.pop())
        elif word.word == "," and builder.depth:
            builder.separate(word.first)
        else:
            shown = word.word if word.word.strip() else "this"
            raise self.error(f"{shown} is not read here", word, _REFUSED.get(word.word, ""))

    def bar(self, word: Word) -> None:
        """Read | as the start or the end of an absolute value."""
        builder = self.builder
        if builder.after_operand and builder.frames[-1].closing == "|" and word.word != r"\lvert":
            builder.close("|", word.first, word.last)
            self.open_bars -= 1
            return
        if builder.after_operand and isinstance(builder.items[-1], Token) and word.word in _BARS:
            is_left = self.place > 1 and self.words[self.place - 2].word == r"\left"
            last = builder.items[-1]
            if not is_left and isinstance(last, Token) and last.lastindex == NAME:
                raise self.error("this | opens or closes", word, r"write \lvert and \rvert")
        self.joined(word)
        self.open_bars += 1
        builder.open(
            "|", lambda operands, _, first, last: called("abs", operands, first, last), word.first, word.first
        )

    def power(self, word: Word) -> None:
        """Read a power; e to a power is exp unless e is given."""
        builder = self.builder
        following = self.peek()
        if not builder.after_operand:
            raise self.error("a value is expected before ^", word)
        if following.word in ("T", r"\top", r"\intercal", r"\dagger") and following.word not in self.known:
            raise self.error("a transpose is of vectors", following, _VECTORS)
        base = builder.items.pop()
        builder.after_operand = False

        def raised(exponent: Item) -> None:
            if leading([exponent], 3) == ["(", "T", ")"] and "T" not in self.known:
                raise self.error("a transpose is of vectors", exponent, _VECTORS)
            if isinstance(base, Token) and base.word == "e" and "e" not in self.known:
                builder.operand(called("exp", [exponent], base.first, exponent.last))
                return
            sign = Token(OPERATOR, "^", word.first, word.last)
            builder.operand(
                Piece(
                    [grouped(base) if isinstance(base, Piece) else base, sign, grouped(exponent)],
                    base.first,
                    exponent.last,
                )
            )

        self.argument(raised, word)

    def cases(self, word: Word) -> None:
        """Read an environment of cases."""
        start, depth = self.place, 1
        while depth and self.place < len(self.words):
            depth += (self.peek().word == r"\begin") - (self.peek().word == r"\end")
            self.place += 1
        name = "".join(w.word for w in self.words[start + 1 : start + 6])
        if depth or name != "cases":
            raise self.error("this environment is not read", word, "write where(cond, a, b)")
        inner = self.words[start + 7 : self.place - 1]
        self.place = min(self.place + 7, len(self.words))
        self.joined(word)
        self.builder.operand(cases_of(self, self.nested, word, inner))

    def nested(self, words: list[Word]) -> Piece:
        """Return the operand that other words are: of a root, a base, a case."""
        return self.nested_in(LatexExpression(self.text, self.known, words), words)

    def nested_in(self, inner: LatexExpression, words: list[Word]) -> Piece:
        """Return what a reader of other words reads."""
        if self.depth == _DEEPEST:
            raise self.error("this is nested too deeply", words[0], "name a part of it")
        inner.depth = self.depth + 1
        return Piece(inner.read(), words[0].first, words[-1].last)
