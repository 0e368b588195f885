"""The file: comments, the functions it needs, the function itself, and its test."""

from __future__ import annotations

import math
import re
import unicodedata
from itertools import combinations_with_replacement, count
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli import __version__
from backprop_cli.calculus.curvature import second_order
from backprop_cli.compile.target import Target, write_code
from backprop_cli.errors import UsageError
from backprop_cli.export.lines import trace_program
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import mpmath_namespace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from backprop_cli.compile.registers import Operand
    from backprop_cli.export.forms import Language
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source
    from backprop_cli.operations.op import Namespace

_DIGITS, _MOST_TOLD = 50, 10


class Case(NamedTuple):
    """A point and what is right there, from 50 digits: the value, then the gradients.

    slacks: by how much doubles may be off besides, where terms cancel: some times as much as the sweep's.
    """

    point: dict[str, float]
    right: list[float]
    slacks: list[float]


def export_source(
    source: Source,
    language: Language,
    wrt: Sequence[str],
    point: Mapping[str, float] | None,
    function: str = "",
    *,
    hessian: bool = False,
) -> tuple[str, int]:
    """Return a program as a file of another language, and how many points its test has.

    point: the first of the test's, None for one of our choice.  function: its name, by default that of the
    output.  hessian: whether the second derivatives stand behind the gradient, each pair of inputs once.

    Raises UsageError for what a language lacks.
    """
    if not wrt:
        raise UsageError("the program has no input to differentiate with respect to", hint='"a*b" has two')
    graph = lower_source(source)
    lines = trace_program(graph, wrt, hessian=hessian)
    names = _Names(language)
    naming = Naming(graph)
    has_name = naming.is_named(graph.output) and graph.ops[graph.output] is not None
    output = naming.output_id() if has_name else ""
    function = names.give(function or (f"{output}_gradient" if output else "program"))
    parameters = {name: names.give(name) for name in lines.parameters}
    steps = {register: names.give(name) for register, (name, _) in lines.steps.items()}
    found: dict[tuple[str, ...], Operand] = {(name,): x for name, x in lines.gradients.items()}
    found |= {(a, b): x for (a, b), x in lines.hessian.items()}
    gradients = {by: names.give("_".join([output or "d", *(parameters[x] for x in by)])) for by in found}
    columns = {register: parameters[name] for name, register in lines.parameters.items()}
    target = Target(_Forms(language), language.number, language.local, language.kinds, language.comment)
    comments = {register: _plain(text) for register, (_, text) in lines.steps.items()}
    body, codes = write_code(
        [lines.value, *found.values()], target, {**columns, **steps}, comments, names.temporary
    )
    labels = [output or "value", *(_label(output or "value", [parameters[x] for x in by]) for by in found)]
    second, of = ", and its second derivatives" if hessian else "", ", ".join(wrt)
    declared = {kind: [line.name for line in body if line.kind == kind] for kind in language.kinds}
    settings: dict[str, Any] = {
        "function": function,
        "module": names.give(f"{function}_code"),
        "declarations": "".join(
            language.declaration.format(kind=kind, names=", ".join(of)) for kind, of in declared.items() if of
        ),
        "size": len(found),
        "parameters": ", ".join(language.parameter.format(name=name) for name in parameters.values()),
        "gradients": ", ".join(gradients.values()) + (language.after_one if len(found) == 1 else ""),
        "expression": codes[0],
        "doc": f'"""Return {_plain(source.text)!r} and its gradient{second}: with respect to {of}."""',
    }
    text = [language.head.format(**settings)]
    shown = "\n".join([*(line.text for line in body), *codes])
    unused = [name for name in parameters.values() if not re.search(rf"\b{name}\b", shown)]
    text += [language.unused.format(name=name) for name in unused]
    text += [f"{line.text}\n" for line in body]
    for place, (by, code) in enumerate(zip(found, codes[1:], strict=True), language.first):
        comment = language.comment.format(text=f"with respect to {' and '.join(by)}")
        words = {"place": place, "gradient_name": gradients[by], "expression": code, "comment": comment}
        text.append(language.gradient.format(**words) + "\n")
    text.append(language.result.format(**settings))
    cases = list(_cases(graph, wrt, point or _some_point(graph), list(lines.hessian)))
    if cases:
        points = "\n".join(
            _case(case, language, function, [f"{label} at point {number}" for label in labels])
            for number, case in enumerate(cases, 1)
        )
        text.append(language.test.format(cases=points, **settings))
    helpers = _helpers(language, shown)
    start = language.start.format(
        comments=_head(source, language, wrt, hessian=hessian),
        helpers=helpers,
        imports="import math\n" if "math." in shown + helpers else "",
        **settings,
    )
    return _within(f"{start}\n{''.join(text)}", language), len(cases)


def _within(text: str, language: Language) -> str:
    """Return a text in lines that a language can read: what is too long goes on in the next one."""
    if not language.width:
        return text
    return "\n".join(part for line in text.split("\n") for part in _parts(line, language))


def _parts(line: str, language: Language) -> list[str]:
    mark = language.comment.partition("{")[0]
    code, sign, said = f"  {line}".partition(mark)
    if len(line) <= language.width or line.startswith("#"):
        return [line]
    indent = re.match(" *", line)[0]  # type: ignore[index]
    room = language.width - len(indent) - 10
    comments = [f"{indent}{mark.strip()} {part}" for part in wrap(said, room)] if sign else []
    pieces = wrap(code.strip(), room, break_long_words=False, break_on_hyphens=False)
    lines = [f"{indent}{'  ' if place else ''}{piece}" for place, piece in enumerate(pieces)]
    return [*comments, *(f"{part}{language.continued}" for part in lines[:-1]), *lines[-1:]]


class _Forms(dict[str, str]):
    """The forms of a language, by instruction; a UsageError for one that it lacks."""

    def __init__(self, language: Language) -> None:
        super().__init__(language.forms)
        self._language = language

    def __missing__(self, name: str) -> str:
        raise UsageError(
            f"{self._language.name} has no {name}", hint="--to c, cpp, python, numpy, rust or fortran has it"
        )


class _Names:
    """Names that are taken, and new ones beside them that the language allows."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._taken = {*language.reserved, *map(self._key, language.helpers)}
        self._numbers = count(1)

    def give(self, name: str) -> str:
        """Return a name like this one."""
        plain = re.sub(r"\W", "_", name)
        if not self._language.takes_unicode and not plain.isascii():
            words = (
                unicodedata.name(c, "letter").split()[-1].lower() if not c.isascii() else c for c in plain
            )
            plain = re.sub(r"\W", "_", "".join(words))
        if not plain or plain[0].isdigit() or (self._language.ignores_case and plain[0] == "_"):
            plain = f"x{plain}"
        plain = given = plain[: self._language.longest]
        for number in count(2):
            if self._key(given) not in self._taken:
                break
            given = f"{plain}_{number}"
        self._taken.add(self._key(given))
        return given

    def _key(self, name: str) -> str:
        return name.lower() if self._language.ignores_case else name

    def temporary(self) -> str:
        """Return a name for a result that has none."""
        return self.give(f"t{next(self._numbers)}")


def _plain(text: str) -> str:
    """Return a text as it can stand in any comment."""
    return " ".join(text.replace("*/", "* /").replace('"""', "'''").replace("\\", "/").split())


def _label(output: str, by: Sequence[str]) -> str:
    """Return what a derivative is called: dL/da, or d2L/da db."""
    order = "2" if len(by) > 1 else ""
    return f"d{order}{output}/{' '.join(f'd{name}' for name in by)}"


def _head(source: Source, language: Language, wrt: Sequence[str], *, hessian: bool) -> str:
    pairs = [f"{a} {b}" for a, b in combinations_with_replacement(wrt, 2)]
    told = ", ".join(pairs[:_MOST_TOLD]) + (", ..." if len(pairs) > _MOST_TOLD else "")
    second = [
        f"Behind the gradient stand the second derivatives, the upper triangle row by row: {told}.",
        "At a kink, and where a second derivative jumps, they are those of one side.",
    ]
    said = [
        _plain(source.as_plain),
        f"Its value and its gradient with respect to {', '.join(wrt)}, by reverse mode. Angles are radians.",
        *(second if hessian else ()),
        "At a kink the gradient is that of the conventions that backprop ops tells. Compilers that take",
        "liberties (-ffast-math) may lose NaN, infinities and the sign of zero.",
        f"Made by backprop {__version__}.",
    ]
    return "\n".join(language.comment.format(text=line).strip() for line in said)


def _helpers(language: Language, text: str) -> str:
    """Return the functions that a text calls, and those that these call."""
    wanted = [name for name in language.helpers if re.search(rf"\b{name}\b", text)]
    if any("_quiet(" in language.helpers[name] for name in wanted) and "_quiet" in language.helpers:
        wanted.insert(0, "_quiet")
    texts = [language.helpers[name] for name in dict.fromkeys(wanted)]
    return "".join(f"{text.rstrip()}\n\n" if "\n" in text else f"{text}\n" for text in texts)


# ---- the test ----


def _some_point(graph: Graph) -> dict[str, float]:
    return {name: 0.625 + 0.25 * place for place, name in enumerate(graph.inputs)}


def _cases(
    graph: Graph, wrt: Sequence[str], point: Mapping[str, float], pairs: Sequence[tuple[str, str]]
) -> Iterator[Case]:
    """Yield up to three points where the program is smooth and finite, with what is right there."""
    m = mpmath_namespace(_DIGITS)
    for factor, shift in ((1.0, 0.0), (1.015625, 0.0078125), (0.96875, -0.015625)):
        near = {name: point[name] * factor + shift for name in graph.inputs}
        sweep = sweep_graph(graph, {name: m.number(x) for name, x in near.items()}, m.one, m)
        if graph.output in sweep.failures:
            continue
        right = [m.to_float(x) + 0.0 for x in _results(sweep, m, wrt, pairs)]
        rough = _results(sweep_graph(graph, near, 1.0, FLOAT), FLOAT, wrt, pairs)
        if all(map(math.isfinite, [*right, *rough])):
            yield Case(near, right, [_slack(x, y) for x, y in zip(rough, right, strict=True)])


def _results(sweep: Sweep, m: Namespace, wrt: Sequence[str], pairs: Sequence[tuple[str, str]]) -> list[Any]:
    """Return the value, the gradients and the second derivatives of a sweep."""
    inputs = sweep.graph.inputs
    found = second_order(wrt, sweep, m) if pairs else {}
    slopes = (sweep.gradient(inputs[name], m) for name in wrt)
    return [sweep.primal[sweep.graph.output], *slopes, *(found.get(pair, m.zero) for pair in pairs)]


def _slack(rough: float, right: float) -> float:
    error = abs(rough - right)
    return 0.0 if error <= 1e-13 * abs(right) else float(f"{16 * error:.1e}")


def _case(case: Case, language: Language, function: str, labels: Sequence[str]) -> str:
    """Return the lines that test a point. labels: what is said of each number that is wrong."""
    gap = f"\n{re.match(' *', language.case)[0]}"  # type: ignore[index]
    first, *others = (f'"{label}"' for label in labels)
    value, *numbers = (
        f"{language.number(x)}, {language.number(slack)}"
        for x, slack in zip(case.right, case.slacks, strict=True)
    )
    checks = gap.join(
        language.check.format(place=place, numbers=told, label=label)
        for place, (told, label) in enumerate(zip(numbers, others, strict=True), language.first)
    )
    point = ", ".join(language.number(x) for x in case.point.values())
    return language.case.format(function=function, point=point, value=value, checks=checks, label=first)
