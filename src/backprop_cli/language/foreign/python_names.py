"""Names of Python with what stands before their dots: modules, and holders of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign.python_words import spelled, split

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from backprop_cli.language.foreign.words import Word

_MODULES = frozenset((
    "np", "numpy", "jnp", "jax", "torch", "tf", "math", "Math", "F", "nn", "npx", "scipy", "special",
    "functional", "lax", "cmath", "cp", "onp", "anp", "mx", "nd", "keras", "activations", "tensorflow",
    "std", "autograd", "Value", "K", "sp", "mnp", "paddle", "tg", "mpmath", "mp", "cupy",
    "linalg", "sympy",
))  # fmt: skip
"""Names before a dot that say where a function comes from."""
_HOLDERS = frozenset(
    ("self", "this", "cls", "model", "params", "args", "cfg", "config", "hparams", "hyperparams")
)
"""Names before a dot that say whose a number is."""
_CONSTANTS = frozenset(("pi", "PI", "tau", "e", "E", "inf", "infty"))
_LIBRARIES = {
    **dict.fromkeys(("torch", "F", "functional"), "torch"),
    **dict.fromkeys(("jax", "jnp", "lax"), "jax"),
    **dict.fromkeys(("tf", "tensorflow"), "tf"),
    **dict.fromkeys(("keras", "activations", "K"), "keras"),
    **dict.fromkeys(("np", "numpy", "onp", "anp", "cp", "cupy", "mnp"), "numpy"),
    **dict.fromkeys(("math", "cmath"), "math"),
    "Math": "js",
    "std": "c",
    **dict.fromkeys(("scipy", "special"), "scipy"),
    "sympy": "sympy",
}


class Names:
    """The names of a text, each of which stands for one thing alone.

    given: the names that values are given for.  is_c: whether the text is of C or JavaScript.
    imports: what ``import … as`` and ``from … import`` name.
    """

    def __init__(self, text: str, given: Collection[str], *, is_c: bool = False) -> None:
        self.text = text
        self.given = given
        self.is_c = is_c
        self.imports: dict[str, str] = {}
        self.spellings: dict[str, str] = {}

    def read_import(self, line: list[Word]) -> None:
        """Note what a line imports, by the names it is used by."""
        origin = ""
        words = line
        if line[0].word == "from":
            place = next((i for i, word in enumerate(line) if word.word == "import"), len(line))
            origin, words = spelled(line[1:place]) + ".", line[place:]
        for part in split([word for word in words[1:] if word.word not in "()"], ","):
            as_place = next((i for i, word in enumerate(part) if word.word == "as"), len(part))
            name = spelled(part[as_place + 1 :]) or spelled(part[:as_place])
            if origin or as_place < len(part):
                self.imports[name] = origin + spelled(part[:as_place])

    def is_module(self, parts: Sequence[Word]) -> bool:
        """Tell whether the last part is a module of those before it."""
        name = parts[-1].word
        if len(parts) > 1:
            return name in _MODULES
        if name in self.given:
            return False
        return name in _MODULES or (name in self.imports and self.imports[name][0].islower())

    def library(self, parts: Sequence[Word]) -> str:
        """Return which library a function comes from, whose name is the last part; "" if that is unknown."""
        path = [word.word for word in parts[:-1]]
        whole = (self.imports.get(parts[0].word, parts[0].word)).split(".") + path[1:]
        found = [_LIBRARIES[name] for name in whole if name in _LIBRARIES]
        if "keras" in found:
            return "keras"
        return found[0] if found else ""

    def imported(self, name: str) -> str:
        """Return the name of what was imported by this name in its module."""
        return self.imports[name].rpartition(".")[2] if name in self.imports else name

    def constant(self, parts: Sequence[Word]) -> str:
        """Return the constant of a module that is named, "" if it is none."""
        name = parts[-1].word
        if len(parts) > 1:
            is_known = all(self.is_module(parts[: i + 1]) for i in range(len(parts) - 1))
            return name if is_known and name in _CONSTANTS else ""
        origin = self.imports.get(name, "")
        return origin.rpartition(".")[2] if origin.rpartition(".")[2] in _CONSTANTS else ""

    def is_holder(self, word: Word) -> bool:
        """Tell whether a name before a dot only says whose a number is."""
        return word.word in _HOLDERS and word.word not in self.given

    def of(self, path: Sequence[str], first: int, last: int) -> str:
        """Return the name for a path such as self, w. Raises ParseError if it is that of another path."""
        path = [part for place, part in enumerate(path) if place or len(path) == 1 or part not in _HOLDERS]
        name = "_".join(path)
        if len(path) > 1 and name not in self.given and path[-1] in self.given:
            name = path[-1]
        spelling = self.text[first:last].replace(" ", "")
        known = self.spellings.setdefault(name, spelling)
        if known != spelling:
            raise ParseError(
                f"{spelling} and {known} would both be {name}",
                self.text,
                first,
                last,
                "give one of them a name of its own",
            )
        return name
