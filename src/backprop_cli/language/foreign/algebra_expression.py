"""An expression as it stands in books, on calculators and in Julia or MATLAB.

Products are written by juxtaposition, functions without parentheses, and the names that values are given for
decide what a word is: ``ma`` is m times a where m and a are given and ma is not.
"""

from __future__ import annotations

import re

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign import functions
from backprop_cli.language.foreign.builder import (
    Builder,
    Item,
    Piece,
    called,
    filled,
    flat,
    group,
    grouped,
)
from backprop_cli.language.foreign.letters import FRACTIONS, SUPERSCRIPTS, KnownNames, split_products
from backprop_cli.language.foreign.scan import RefusalError
from backprop_cli.language.foreign.words import Word, matching
from backprop_cli.language.tokens import NAME, NUMBER, OPERATOR, Token

_OPERATORS = {
    **{f".{sign}": sign for sign in ("+", "-", "*", "/", "^")}, ".**": "^", "≤": "<=", "≥": ">=",
    **{sign: sign for sign in ("+", "-", "*", "/", "^", "**", "<", "<=", ">", ">=")},
}  # fmt: skip
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_REFUSED = {
    "%": "a percentage is written as a number: 0.05 for 5%",
    "!": "a factorial is written out, or as a function where there is one",
    "°": "angles are radians: x*pi/180; other units are left out",
    "==": "conditions are < <= > >=, in where(cond, a, b)",
    "!=": "conditions are < <= > >=, in where(cond, a, b)",
    "~": "what is random has no derivative here",
}
_DEEPEST = 40  # powers of e within such, operands without parentheses within such
_OPENS_TERM = frozenset(("+", "-", "<", ">", "<=", ">="))
_UNITS = frozenset((
    "m", "s", "kg", "km", "cm", "mm", "h", "min", "mph", "N", "kN", "J", "kJ", "mi", "ft", "Pa", "kPa", "K",
    "Hz", "V", "W", "mol", "g", "mg", "L", "mL", "ms", "eV", "rad", "deg", "kW", "MW", "bar", "atm", "lb",
    "oz", "in", "yd", "A", "C", "F",
))  # fmt: skip
_INVERSES = {
    name: f"a{name}"
    for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "sec", "csc", "cot", "sech", "csch", "coth")
}
_LOOSE = frozenset(
    (
        *_INVERSES,
        "sqrt",
        "cbrt",
        "abs",
        "exp",
        "ln",
        "log",
        "log10",
        "log2",
        "arcsin",
        "arccos",
        "arctan",
        "asin",
        "acos",
        "atan",
    )
)
"""Functions that are written without parentheses: sin x."""


class AlgebraExpression:
    """The words of a text, read from left to right. place: of the word that comes next."""

    loose = _LOOSE
    call_opening = "("
    is_euler_certain = False  # whether e to the power of a plain number is exp of it

    def __init__(self, text: str, given: KnownNames, words: list[Word]) -> None:
        self.text = text
        self.given = given
        self.words = words
        self.place = 0
        self.builder = Builder(text)
        self.depth = 0
        self.divided = [False]  # of each parenthesis that is open: whether a division came last

    # ---- statements ----

    def read(self) -> list[Item]:
        """Return the items of the words. Raises ParseError."""
        builder = self.builder
        while self.place < len(self.words):
            word = self.words[self.place]
            self.place += 1
            getattr(self, f"read_{word.kind}")(word)
        return builder.complete(self.words[-1].last)

    def peek(self, ahead: int = 0) -> Word:
        """Return a word that comes, an empty one behind the last."""
        place = self.place + ahead
        end = len(self.text)
        return self.words[place] if place < len(self.words) else Word("", "", end, end, spaced=False)

    def error(self, message: str, word: Word, hint: str = "") -> ParseError:
        """Return the error of a word."""
        return ParseError(message, self.text, word.first, word.last, hint)

    def refusal(self, message: str, word: Word, hint: str = "") -> RefusalError:
        """Return the refusal of a word that is algebra beyond doubt."""
        return RefusalError(message, self.text, word.first, word.last, hint)

    def read_number(self, word: Word) -> None:
        """Read a number."""
        if self.builder.after_operand:
            raise self.error(
                f"an operator is missing before {word.word!r}", word, f"did you mean *{word.word}?"
            )
        self.builder.number(word.word.removesuffix("f0"), word.first, word.last)

    def read_fraction(self, word: Word) -> None:
        """Read ½."""
        if self.builder.after_operand:
            raise self.error(f"an operator is missing before {word.word!r}", word, "write 2.5 for 2½")
        self.builder.operand(filled(FRACTIONS[word.word], [], word.first, word.last))

    def read_power(self, word: Word) -> None:
        """Read a superscript: of digits and letters, x²ⁿ is x^(2*n)."""
        if not self.builder.after_operand:
            raise self.error(f"a value is expected before {word.word!r}", word)
        exponent = "".join(SUPERSCRIPTS[c] for c in word.word)
        sign = exponent[: exponent[0] in "+-"]
        digits = re.match(r"\d*", exponent[len(sign) :])[0]  # type: ignore[index]
        letters = exponent[len(sign) + len(digits) :]
        if letters and not letters.isalpha():
            raise self.error(f"the exponent {exponent} is not read", word, f"write ^({exponent})")
        factors = [*([digits] if digits else []), *letters]
        text = sign + "*".join(factors)
        item = filled(text, [], word.first, word.last)
        self.raise_to(item, is_number=not letters)

    def raise_to(self, exponent: Item, *, is_number: bool) -> None:
        """Raise the operand that is complete to a power."""
        builder = self.builder
        base = builder.items[-1]
        if isinstance(base, Token) and base.word == "e" and "e" not in self.given and not is_number:
            builder.wrap(lambda item: called("exp", [exponent], item.first, exponent.last))
            return
        if isinstance(base, Token) and base.word == "e" and "e" not in self.given:
            raise self.two("e", base, "exp(…), Euler's number to that power", "give e a value: e=VALUE")
        sign = Token(OPERATOR, "^", exponent.first, exponent.first)
        builder.wrap(lambda item: Piece([item, sign, grouped(exponent)], item.first, exponent.last))

    def two(self, what: str, item: Item, one: str, other: str) -> ParseError:
        """Return the refusal of what can be read in two ways."""
        message = f"{what} can be read in two ways"
        return RefusalError(message, self.text, item.first, item.last, f"write {one}, or {other}")

    # ---- names ----

    def spelled(self, word: Word) -> str:
        """Return a name as the plain language has it: x_{ij} is x_ij, x′ is x_prime."""
        name = word.word.lstrip("$%").replace("_{", "_").replace("}", "")
        primes = len(name) - len(name.rstrip("′'"))
        if primes:
            bare = name[:-primes]
            if "'" in name and f"{bare}_prime" not in self.given:
                raise self.refusal(
                    f"{name} may be a transpose", word, f"write {bare}_prime for a name with a prime"
                )
            return bare + "_prime" * primes
        return name

    def read_name(self, word: Word) -> None:
        """Read a function, a name, or a product of names."""
        name = self.spelled(word)
        function = self.function(name)
        following = self.peek()
        if function and (
            following.word == self.call_opening or (following.word == "." and self.peek(1).word == "(")
        ):
            if following.word == ".":
                self.place += 1
            self.joined(word)
            self.place += 1
            self.open_call(function, word.first, following.first)
        elif function and self.powered(function, word):
            pass
        elif function and function in self.loose and name not in self.given:
            self.joined(word)
            self.operand_of(function, word)
        elif name in self.given or name in ("pi", "π"):
            self.joined(word)
            self.builder.name(name, word.first, word.last)
            if name == "pi" and following.word == "(" and self.peek(1).word == ")":
                self.place += 2
            self.index(word)
        else:
            self.factors(name, word)

    def function(self, name: str) -> str:
        """Return the function that is called by a name, "" for none."""
        if name in self.given:
            return ""
        if functions.is_known(name):
            return name
        lower = name.lower()
        is_shouted = len(name) > 1 and (name.isupper() or name.istitle())
        return lower if is_shouted and lower != "log" and functions.is_known(lower) else ""

    def is_function(self, word: Word) -> bool:
        """Tell whether a word is the name of a function."""
        return word.kind == "name" and bool(self.function(self.spelled(word)))

    def factors(self, name: str, word: Word) -> None:
        """Read a name that no value is given for: the given names that it is made from, or itself."""
        following = self.peek()
        found = split_products(name, self.given)
        if following.word == "(" and not following.spaced and not found:
            hint = f"write {name}*(…) for a product, and give {name} a value"
            if name.lower() == "log":
                hint = "write log(x) for the natural logarithm, log10(x) for that to base 10"
            raise self.error(f"{name} is not a function that is known here", word, hint)
        self.unit(word)
        self.joined(word)
        if not found:
            self.builder.name(name, word.first, word.last)
            self.index(word)
            return
        place = word.first
        for factor in found:
            if place > word.first:
                self.builder.multiply(place)
            self.builder.name(factor, place, place + len(factor))
            place += len(factor)
        if self.divided[-1] and len(found) > 1:
            raise self.behind_division(word)

    def unit(self, word: Word) -> None:
        """Refuse a unit behind a number."""
        last = self.builder.items[-1] if self.builder.items else None
        if isinstance(last, Token) and last.lastindex == NUMBER and word.spaced and word.word in _UNITS:
            raise self.refusal(
                f"{word.word} may be a unit",
                word,
                "leave units out; for a product of names write *, as in 2*m",
            )

    def index(self, word: Word) -> None:
        """Read x[0] and x[i] as the names x_0 and x_i."""
        while self.peek().word == "[" and not self.peek().spaced and self.call_opening != "[":
            inner, close = self.peek(1), self.peek(2)
            if (
                close.word != "]"
                or inner.kind not in ("name", "number")
                or not inner.word.replace("_", "").isalnum()
            ):
                if word.word in self.given:
                    return  # k[x + 1] is a product
                raise self.error("an index is a whole number or a name", inner, "write x_0 for x[0]")
            last = self.builder.items[-1]
            assert isinstance(last, Token)
            if last.word in self.given and f"{last.word}_{inner.word}" not in self.given:
                raise self.refusal(f"{last.word} is given a number, so it has no [{inner.word}]", inner)
            self.builder.items[-1] = Token(NAME, f"{last.word}_{inner.word}", last.first, close.last)
            self.place += 3

    def joined(self, word: Word) -> None:
        """Put a multiplication before an operand that stands right behind another one."""
        builder = self.builder
        if not builder.after_operand:
            return
        last = builder.items[-1]
        if self.divided[-1]:
            if not self.is_coefficient(word):
                raise self.behind_division(word)
            self.divided[-1] = False
        if isinstance(last, Token) and last.lastindex == NAME and not word.spaced and word.kind == "name":
            raise self.error(f"an operator is missing before {word.word!r}", word)
        if self.has_loose_power(word):
            base = self.base_of_power()
            assert base is not None
            exponent = self.text[base.last : last.last].lstrip("^* ")
            factors = "*".join(self.written_factors(self.place - 1))
            power = f"{self.spelling(base)}^"
            one, other = f"{power}{exponent}*{factors}", f"{power}({exponent}*{factors})"
            raise self.two(f"{power}{exponent}{word.word}", last, one, other)
        builder.multiply(word.first)

    def has_loose_power(self, word: Word) -> bool:
        """Tell whether what stands before may be the exponent of more than itself: e^2x, 2^3x."""
        base = None if word.spaced else self.base_of_power()
        return isinstance(base, Token) and (base.lastindex == NUMBER or base.word == "e")

    def base_of_power(self) -> Item | None:
        """Return the base of the power that was read last, if it was one."""
        items = self.builder.items
        signs = [item.word if isinstance(item, Token) else "" for item in items[-3:-1]]
        if signs[-1:] in (["^"], ["**"]) and len(items) > 2:
            return items[-3]
        return items[-4] if signs in (["^", "-"], ["**", "-"]) and len(items) > 3 else None

    def is_coefficient(self, word: Word) -> bool:
        """Tell whether what stands before is a number over a number, and a blank behind it: 1/2 x."""
        items = self.builder.items
        tail = [item.lastindex if isinstance(item, Token) else 0 for item in items[-3:]]
        before = items[-4] if len(items) > 3 else None
        is_alone = before is None or (isinstance(before, Token) and before.word in _OPENS_TERM)
        return tail[::2] == [NUMBER, NUMBER] and is_alone and word.spaced

    def behind_division(self, word: Word) -> ParseError:
        """Return the refusal of a product that is not written behind a division."""
        message = "a product without a sign stands behind a division, and is read in two ways"
        items = self.builder.items
        sign = max(i for i, item in enumerate(items) if isinstance(item, Token) and item.word == "/")
        before = self.text[items[sign].last : word.first].strip()
        divisor = "*".join([*([before] if before else []), *self.written_factors(self.place - 1)])
        dividend = self.spelling(items[sign - 1])
        return self.refusal(message, word, f"write {dividend}/({divisor}), or {dividend}/{divisor}")

    def spelling(self, item: Item) -> str:
        """Return an item as it is written."""
        return self.text[item.first : item.last]

    def written_factors(self, start: int) -> list[str]:
        """Return the factors that stand close behind one another from a place on, as plain text."""
        found: list[str] = []
        place = start
        while place < len(self.words):
            word, following = self.words[place], self.words[place + 1 : place + 2]
            if word.kind == "power" and found:
                found[-1] += "^" + "".join(SUPERSCRIPTS[c] for c in word.word)
            elif word.word in ("^", "**") and found and following and following[0].kind in ("number", "name"):
                found[-1] += f"^{following[0].word}"
                place += 1
            elif word.kind in ("number", "name", "fraction") and not (found and word.spaced):
                found += split_products(word.word, self.given) or re.findall("π|[^π]+", word.word)
            else:
                break
            place += 1
        return found

    # ---- functions ----

    def open_call(self, function: str, first: int, start: int) -> None:
        """Open the parenthesis of a function."""

        def make(operands: list[Piece], _: dict[str, Piece], first: int, last: int) -> Item:
            return self.made(function, operands, first, last)

        self.opened(_CLOSING[self.call_opening], make, first, start)

    def opened(self, closing: str, make: object, first: int, start: int) -> None:
        """Open a parenthesis."""
        self.builder.open(closing, make, first, start)  # type: ignore[arg-type]
        self.divided.append(False)

    def made(self, function: str, operands: list[Piece], first: int, last: int) -> Item:
        """Return what a call comes to."""
        return functions.call(self.text, function, operands, first, last)

    def powered(self, function: str, word: Word) -> bool:
        """Read sin^2 x, sin²(x) and sin⁻¹ x; tell whether one of these stands here."""
        following = self.peek()
        if following.kind == "power":
            exponent, count = "".join(SUPERSCRIPTS[c] for c in following.word), 1
        elif following.word in ("^", "**"):
            minus = self.peek(1).word == "-"
            number = self.peek(1 + minus)
            if number.kind != "number":
                return False
            exponent, count = "-" * minus + number.word, 2 + minus
        else:
            return False
        inverse = _INVERSES.get(function, "") if exponent == "-1" else ""
        if exponent.startswith("-") and not inverse:
            hint = f"write {function}(x)^({exponent})"
            raise self.refusal(f"{function} to the power {exponent} is read in two ways", word, hint)
        self.joined(word)
        self.place += count
        self.operand_of(inverse or function, word)
        if not inverse:
            self.raise_to(filled(exponent, [], following.first, following.last), is_number=True)
        return True

    def operand_of(self, function: str, word: Word) -> None:
        """Read the operand of a function: in parentheses, or the factors that stand close behind it."""
        inner = self.close_factors(function, word)
        self.builder.operand(self.made(function, [inner], word.first, inner.last))

    def close_factors(self, function: str, word: Word) -> Piece:
        """Return the operand of a function without parentheses: 2x, x, x², (…)."""
        start = self.place
        following = self.peek()
        if following.word in ("(", "[", "{"):
            end = matching(self.words, start)
            if end is None:
                raise self.error(f"this {following.word} is never closed", following)
            end += 1
        else:
            end = start
            while end < len(self.words):
                piece = self.words[end]
                is_first = end == start
                if piece.kind == "power" and not is_first:
                    end += 1
                elif piece.word in ("^", "**") and not is_first and end + 1 < len(self.words):
                    nxt = self.words[end + 1]
                    close = matching(self.words, end + 1) if nxt.word == "(" else end + 1
                    end = (close if close is not None else end + 1) + 1
                elif piece.kind in ("number", "name", "fraction") and (is_first or not piece.spaced):
                    if piece.kind == "name" and self.function(self.spelled(piece)):
                        break
                    end += 1
                else:
                    break
            if end == start:
                raise self.error(f"{function} has no operand", word, f"write {function}(x)")
            self.doubtful(function, word, end)
        inner = self.words[start:end]
        self.place = end
        return grouped(self.nested(inner))

    def nested(self, words: list[Word]) -> Piece:
        """Return the operand that other words are: of a function without parentheses, of e, of a root."""
        if self.depth == _DEEPEST:
            raise self.refusal("this is nested too deeply", words[0], "name a part of it")
        reader = type(self)(self.text, self.given, words)
        reader.depth = self.depth + 1
        return Piece(reader.read(), words[0].first, words[-1].last)

    def doubtful(self, function: str, word: Word, end: int) -> None:
        """Refuse sin x y, sin x/2 and sin x*y, which are read in two ways."""
        if end >= len(self.words):
            return
        behind = self.words[end]
        operand = self.text[self.words[self.place].first : self.words[end - 1].last]
        is_factor = behind.kind in ("name", "number", "fraction") and not self.function(behind.word)
        is_close = behind.word in ("*", "/") and not behind.spaced
        is_group = behind.word in ("(", "[", "{") and not self.function(self.words[end - 1].word)
        if is_factor or is_close or is_group:
            one = f"{function}({operand}){behind.word if is_close else '*'}…"
            other = f"{function}({operand}{behind.word if is_close else '*'}…)"
            message = f"the operand of {function} can end here or further on"
            raise RefusalError(message, self.text, word.first, behind.last, f"write {one}, or {other}")

    # ---- signs ----

    def read_sign(self, word: Word) -> None:
        """Read an operator or a parenthesis."""
        builder, sign = self.builder, word.word
        if sign in _CLOSING:
            self.joined(word)
            self.opened(_CLOSING[sign], group, word.first, word.first)
        elif sign in (")", "]", "}"):
            builder.close(sign, word.first, word.last)
            self.divided.pop()
        elif sign == "|":
            self.bar(word)
        elif sign in ("√", "∛"):
            self.joined(word)
            self.radical(word)
        elif sign == "," and builder.depth:
            builder.separate(word.first)
            self.divided[-1] = False
        elif sign in _REFUSED or sign not in _OPERATORS:
            raise self.error(f"{sign!r} is not read here", word, _REFUSED.get(sign, ""))
        elif builder.after_operand:
            self.between(word, _OPERATORS[sign])
        elif sign in ("+", "-"):
            builder.sign(sign, word.first, word.last)
        else:
            raise self.error(f"a value is expected before {sign!r}", word)

    def between(self, word: Word, sign: str) -> None:
        """Read an operator between two operands."""
        builder = self.builder
        if sign in ("^", "**"):
            base = builder.items[-1]
            if isinstance(base, Token) and base.word == "e" and "e" not in self.given:
                self.exponential(word)
                return
        elif sign == "/":
            self.divided[-1] = True
        else:
            self.divided[-1] = False
        builder.sign(sign, word.first, word.last)

    def exponential(self, word: Word) -> None:
        """Read e^x as exp(x), with e^(…), e^-x; e^2 is asked about."""
        start = self.place
        end = start + (self.peek().word == "-")
        following = self.words[end] if end < len(self.words) else self.peek()
        if following.word in ("(", "{", "["):
            close = matching(self.words, end)
            if close is None:
                raise self.error(f"this {following.word} is never closed", following)
            end = close + 1
        elif self.is_function(following) and end + 1 < len(self.words):
            if self.words[end + 1].word != self.call_opening:
                raise self.refusal("the exponent of e can end here or further on", following, "write exp(…)")
            close = matching(self.words, end + 1)
            end = (close if close is not None else end) + 1
        elif following.kind == "name" or (following.kind == "number" and self.is_euler_certain):
            end += 1
        else:
            raise self.unclear_power(start)
        behind = self.words[end] if end < len(self.words) else None
        if behind is not None and (behind.kind == "power" or behind.word in ("^", "**")):
            end += 1 if behind.kind == "power" else 2
        if end > len(self.words):
            raise self.error("a value is expected behind '^'", word)
        inner = self.words[start:end]
        exponent = self.nested(inner)
        if not self.is_euler_certain and all(token.lastindex != NAME for token in flat([exponent])):
            raise self.unclear_power(start)
        behind = self.words[end] if end < len(self.words) else None
        is_named = following.word not in _CLOSING and not self.is_function(following)
        is_open = is_named and not self.is_euler_certain
        is_factor = behind is not None and behind.kind in ("name", "number") and not self.is_function(behind)
        if behind is not None and is_factor and (is_open or not behind.spaced):
            raise self.refusal("the exponent of e can end here or further on", behind, "write exp(…)")
        self.place = end
        self.builder.wrap(lambda item: called("exp", [exponent], item.first, exponent.last))

    def unclear_power(self, start: int) -> ParseError:
        """Return the refusal of e to the power of a number, that stands at a place."""
        sign = "-" if self.words[start : start + 1] and self.words[start].word == "-" else ""
        factors = self.written_factors(start + len(sign))
        one = f"exp({sign}{factors[0] if factors else '…'})"
        if len(factors) > 1:
            rest = "*".join(factors[1:])
            one = f"{one}*{rest} or exp({sign}{factors[0]}*{rest})"
        return self.two("e^", self.builder.items[-1], one, "give e a value: e=VALUE")

    def bar(self, word: Word) -> None:
        """Read | as the start or the end of an absolute value."""
        builder = self.builder
        if builder.after_operand and builder.frames[-1].closing == "|":
            builder.close("|", word.first, word.last)
            self.divided.pop()
            return
        if builder.after_operand:
            last = builder.items[-1]
            if isinstance(last, Token) and last.lastindex == NAME:
                hint = "write abs(…)"
                if len(builder.items) > 2 and self.spelling(builder.items[-3]).startswith("|"):
                    first = self.spelling(builder.items[-3])[1:-1]
                    hint = f"write abs({first})*{last.word}*abs(…), or abs({first}*abs({last.word})*…)"
                raise self.refusal("this | opens or closes", word, hint)
            self.joined(word)
        self.opened(
            "|", lambda operands, _, first, last: called("abs", operands, first, last), word.first, word.first
        )

    def radical(self, word: Word) -> None:
        """Read √x, √2 and √(…); √2x is asked about."""
        function = "sqrt" if word.word == "√" else "cbrt"
        following, behind = self.peek(), self.peek(1)
        if following.word in ("(", "[", "{"):
            inner = self.close_factors(function, word)
        elif following.kind in ("number", "name") and (
            (behind.kind in ("power", "name", "number") and not behind.spaced)
            or behind.word in ("^", "**")
            or (following.kind == "name" and len(split_products(self.spelled(following), self.given)) > 1)
        ):
            first, *others = self.written_factors(self.place)
            base, power, exponent = first.partition("^")
            one = "*".join([f"{function}({base}){power}{exponent}", *others])
            hint = f"write {one}, or {function}({'*'.join([first, *others])})"
            raise self.refusal("the root can end here or further on", behind, hint)
        elif following.kind in ("number", "name"):
            self.place += 1
            inner = self.nested([following])
        else:
            raise self.error("a value is expected behind the root", word)
        self.builder.operand(called(function, [inner], word.first, inner.last))
