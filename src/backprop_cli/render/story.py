"""The story of a computation: text, Markdown with mathematics, LaTeX, JSON (schema backprop/explain@1)."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Block
from backprop_cli.console.strict_json import dump, number
from backprop_cli.notation.latex import escape
from backprop_cli.notation.pretty import to_ascii
from backprop_cli.render.archer import UNDERFLOWS, archer_lines, knobs_json
from backprop_cli.render.flow import flow_json, flow_lines
from backprop_cli.render.latex import document
from backprop_cli.render.limits import limit_lines, limits_json
from backprop_cli.render.nudges import nudge_lines, nudges_json
from backprop_cli.render.paths import path_lines, paths_json
from backprop_cli.render.pens import MATHS, SIMPLE, Line, grouped, is_relation
from backprop_cli.render.second import second_json, second_lines
from backprop_cli.text import held_words, listing, number_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from backprop_cli.console.sheets import Role
    from backprop_cli.render.pens import TextPen
    from backprop_cli.tell.lesson import Lesson
    from backprop_cli.tell.story import Backward, Forward, Story, Term

_WIDTH = 80
_MOST_ADDENDS = 12


def lesson_lines(lesson: Lesson, pen: TextPen) -> Iterator[Line]:
    """Yield all that is told, line by line."""
    if lesson.is_shot:
        yield from archer_lines(lesson.story, lesson.knobs, pen)
    if lesson.has_passes:
        yield from story_lines(lesson.story, pen)
    if lesson.paths is not None:
        yield from path_lines(lesson.paths, pen)
    if lesson.limits:
        yield from limit_lines(lesson.limits, pen)
    if lesson.nudges is not None:
        yield from nudge_lines(lesson.nudges, pen)
    if lesson.flow is not None:
        yield from flow_lines(lesson.flow, pen)
    if lesson.second is not None:
        yield from second_lines(lesson.second, pen)


def in_ascii(lines: Iterable[Line]) -> list[Line]:
    """Return lines without signs beyond ASCII."""
    return [line._replace(text=to_ascii(line.text)) for line in lines]


def story_lines(story: Story, pen: TextPen) -> Iterator[Line]:
    """Yield the story, line by line."""
    told = _Likewise(story)
    yield Line("heading", "Forward pass")
    inputs = [step for step in story.inputs if told.is_told(step.node)]
    if inputs:
        yield Line("equation", ", ".join(f"{pen.name(f.node)} = {pen.number(f.value)}" for f in inputs))
    for step in inputs:
        yield from told.others(step.node)
    for step in story.forward:
        if told.is_told(step.node):
            yield Line("equation", _forward(step, pen))
            if step.underflows:
                yield Line("words", f"{step.node} {UNDERFLOWS}")
            yield from told.others(step.node)
    yield Line("heading", "Backward pass")
    explained: set[str] = set()
    for gradient in story.backward:
        if told.is_told(gradient.node):
            yield from _backward(gradient, story, pen, explained, told)
            yield from told.others(gradient.node)
    for node, notes in story.notes.items():
        if node not in explained:
            yield from (Line("words", note) for note in notes)


class _Likewise:
    """Which elements of long arrays are told: the first of each that is there, for all others.

    What only leads to others is not told either.
    """

    def __init__(self, story: Story) -> None:
        there = {step.node for step in (*story.inputs, *story.forward)}
        self._first: dict[str, str] = {}
        self._left_out: set[str] = set()
        for name, elements in story.arrays:
            first, *others = [element for element in elements if element in there] or [""]
            left_out = {other for other in others if other != story.output} - self._first.keys()
            if len(left_out) > 1 and first not in self._left_out:
                self._first[first] = f"likewise for {len(left_out):,} other elements of {name}"
                self._left_out |= left_out
        told = {step.node for step in story.inputs} | self._first.keys() | {story.output}
        for step in story.backward if self._left_out else ():
            users = {term.user for term in step.terms}
            if step.node not in told and users and users <= self._left_out:
                self._left_out.add(step.node)

    def is_told(self, node: str) -> bool:
        """Tell whether a node is told of by itself."""
        return node not in self._left_out

    def others(self, node: str) -> Iterator[Line]:
        """Yield the line that speaks for the others."""
        if node in self._first:
            yield Line("words", self._first[node])


def _forward(step: Forward, pen: TextPen) -> str:
    if is_relation(step.symbols):
        verdict = pen.words("holds" if step.value else "does not hold")
        shown = [pen.expression(side) for side in (step.symbols, step.numbers)]
        return f"{pen.name(step.node)}: {', '.join(shown)} {verdict}"
    sides = [pen.name(step.node), pen.expression(step.symbols)]
    if step.numbers and step.numbers != step.symbols:
        sides.append(pen.expression(step.numbers))
    value = pen.number(step.value)
    return " = ".join(sides if sides[-1] == value else [*sides, value])


def _backward(
    step: Backward, story: Story, pen: TextPen, explained: set[str], likewise: _Likewise
) -> Iterator[Line]:
    gradient = pen.gradient(step.node)
    if step.node == story.output:
        yield Line("equation", f"{gradient} = {pen.number(step.gradient)}")
        if story.upstream != 1:
            yield Line("words", f"{number_text(story.upstream, pen.digits)} arrives at the output")
        return
    for term in step.terms:
        if term.user not in explained and likewise.is_told(term.user):
            explained.add(term.user)
            yield Line("gap", "")
            yield Line("words", f"{_head(term, pen)}: {pen.reason(term.case or term.reason)}")
            for note in story.notes.get(term.user, ()):
                yield Line("words", note)
    sum_is = f"{gradient} = " if step.found is None else ""
    for term in step.terms:
        if term.held and (term.user != story.output or story.upstream != 1):
            d = "∂" if pen.unicode else "d"
            told = f"{d}{term.user}/{d}{step.node}{term.held}"
            yield Line("words", f"in {told}, {held_words(term.held, step.node)}")
            break
    if not step.terms:
        yield Line("equation", f"{gradient} = {pen.number(0.0)}")
        yield Line("words", f"the output does not depend on {step.node}")
    elif len(step.terms) == 1:
        yield Line("equation", f"{sum_is}{_term(step.node, step.terms[0], story, pen)}")
        yield from _lost(step.node, step.terms[0], pen)
    else:
        users = listing(list(dict.fromkeys(term.user for term in step.terms)))
        yield Line("gap", "")
        yield Line("words", f"{step.node} feeds {users}: the contributions add up")
        for term in step.terms:
            yield Line("equation", _term(step.node, term, story, pen))
            yield from _lost(step.node, term, pen)
        products = [pen.number(term.product) for term in step.terms]
        if len(products) > _MOST_ADDENDS:
            products = [*products[: _MOST_ADDENDS - 1], "…" if pen.unicode else "..."]
        total = " + ".join(grouped(p, pen) for p in products)
        yield Line("equation", f"{sum_is}{total} = {pen.number(step.gradient)}")
    if step.found is not None:
        explained.add(step.node)
        for note in story.notes.get(step.node, ()):
            yield Line("words", note)
        yield Line("equation", f"{gradient} = {pen.number(step.found)}")


def _head(term: Term, pen: TextPen) -> str:
    """Return what a user computes, among words: name and formula are one piece of mathematics."""
    return f"{pen.inline(term.user)} = {pen.inline(term.expr)}".replace(f"{MATHS} = {MATHS}", " = ")


def _lost(node: str, term: Term, pen: TextPen) -> Iterator[Line]:
    """Yield why a product is 0, where it underflows, or where a factor is not finite."""
    if term.is_blocked:
        why = f"{term.user} passes nothing to {node}" if term.arriving else f"nothing arrives at {term.user}"
        yield Line("words", f"{why}: no gradient comes back there")
    if term.underflows:
        arriving, slope = (number_text(x, pen.digits) for x in (term.arriving, term.slope))
        yield Line("words", f"the product of {arriving} and {slope} {UNDERFLOWS}")


def _term(node: str, term: Term, story: Story, pen: TextPen) -> str:
    """Return a contribution: ∂L/∂e · ∂e/∂a = 5 · b = 5 · 3 = 15."""
    arriving = grouped(pen.number(term.arriving), pen)
    sides = []
    if term.user != story.output or story.upstream != 1:
        sides.append(pen.product([pen.gradient(term.user), pen.local(term.user, node, term.held)]))
    if term.is_blocked:  # zero times infinity is no product
        return " = ".join([*sides, pen.number(0.0)])
    slope = grouped(pen.number(term.slope), pen)
    # A gate is told in words; where(x > 0, 1, 0) says no more.
    gate = not term.formula or (bool(term.case) and term.formula.startswith("where("))
    factors = [slope] if gate else [_factor(term.formula, pen), _factor(term.numbers, pen), slope]
    sides += [pen.product([arriving, factor]) for factor in factors]
    sides.append(pen.number(term.product))
    return " = ".join(dict.fromkeys(sides))


def _factor(text: str, pen: TextPen) -> str:
    """Return a local derivative as a factor."""
    shown = pen.expression(text)
    return shown if SIMPLE.fullmatch(text) and shown[0] not in "-−" else pen.group(shown)


# ---- forms ----


def text_blocks(lines: Iterable[Line]) -> list[Block]:
    """Return the lines as text: a heading at the margin, the rest indented and kept to 80 columns."""
    out: list[tuple[str, Role]] = []
    for kind, text in lines:
        if kind == "heading":
            out += [("", ""), (text, "output")] if out else [(text, "output")]
        elif kind == "gap":
            if out and out[-1][1] == "":
                out.append(("", ""))
        elif kind == "equation":
            out.extend((line, "") for line in _broken(text))
        else:
            # Columns of numbers stay as they are.
            told = (
                [f"  {text}"]
                if "  " in text
                else wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
            )
            out.extend((line, "idle") for line in told)
    return [Block((), lambda: out)]


def _broken(equation: str) -> Iterator[str]:
    """Yield an equation in lines, broken before an equals sign, which stands below the first one."""
    first, *sides = equation.split(" = ")
    line, margin = f"  {first}", " " * (len(first) + 2 if len(first) <= 24 else 6)
    for side in sides:
        if len(line) + len(side) + 3 > _WIDTH and line.strip():
            yield line
            line = margin
        line += f" = {side}"
    yield line


def markdown(lines: Iterable[Line], *, dollars: bool = False) -> str:
    """Return the lines as Markdown.

    dollars: whether formulas stand between $$, as Jupyter, pandoc and GitHub read; else in GitHub's own.
    """
    fences = ("$$", "$$") if dollars else ("```math", "```")
    parts: list[str] = []
    for kind, text in lines:
        if kind == "heading":
            parts.append(f"## {_escaped(text)}")
        elif kind == "equation":
            parts.append("\n".join((fences[0], text, fences[1])))
        elif kind == "words":
            dollar = ("$", "$") if dollars else ("$`", "`$")
            parts.append(_among_words(text, _escaped, dollar))
    return "\n\n".join(parts) + "\n"


def slides(lines: Iterable[Line], title: str) -> str:
    """Return the lines as slides for Marp.

    A step of the forward pass is one, and an operation on the way back, its formulas below its reasons.
    """
    decks: list[list[Line]] = []
    heading = Line("heading", title)
    for line in lines:
        if line.kind == "heading":
            heading = line
            decks.append([])
        elif line.kind == "gap" or not decks or (decks[-1] and _ends_slide(heading, decks[-1][-1], line)):
            decks.append([])
        if line.kind in ("equation", "words"):
            decks[-1] = decks[-1] or [heading]
            decks[-1].append(line)
    head = "---\nmarp: true\nmath: mathjax\n---\n\n"
    first = f"# {_escaped(' '.join(title.split()))}\n"
    return head + "\n---\n\n".join([first, *(markdown(deck, dollars=True) for deck in decks if deck)])


def _ends_slide(heading: Line, last: Line, line: Line) -> bool:
    """Tell whether a step of the forward pass has its slide, and another one begins."""
    return heading.text.startswith("Forward") and last.kind == line.kind == "equation"


def _among_words(text: str, words: Callable[[str], str], fences: tuple[str, str]) -> str:
    """Return a sentence with its mathematics between fences. words: what is made of the rest."""
    parts = enumerate(text.split(MATHS))
    return "".join(f"{fences[0]}{part}{fences[1]}" if i % 2 else words(part) for i, part in parts)


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&$])", r"\\\1", text)


def latex(lines: Iterable[Line], title: str) -> str:
    """Return the lines as a document that pdflatex typesets as it is."""
    parts = [rf"\noindent\texttt{{{escape(title)}}}"]
    for kind, text in lines:
        if kind == "heading":
            parts.append(rf"\section*{{{escape(text)}}}")
        elif kind == "equation":
            parts.append(rf"\[ {text} \]")
        elif kind == "words":
            parts.append(rf"\noindent {_among_words(text, escape, ('$', '$'))}")
    return document("\n\n".join(parts), size="11pt", page="margin=20mm")


def render_json(lesson: Lesson) -> str:
    """Return all that is told as one line of JSON, the story always."""
    story, paths, limits, nudges = lesson[:4]
    record: dict[str, Any] = {
        "schema": "backprop/explain@1",
        "program": story.program,
        **({"read_as": story.read_as} if story.read_as else {}),
        "output": story.output,
        "upstream": number(story.upstream),
        "inputs": {step.node: number(step.value) for step in story.inputs},
        "forward": [
            {"node": f.node, "symbols": f.symbols, "numbers": f.numbers, "value": number(f.value)}
            for f in story.forward
        ],
        "backward": [
            {
                "node": b.node,
                "gradient": number(b.gradient),
                **({} if b.found is None else {"found": number(b.found)}),
                "terms": [
                    {**vars(t), **{k: number(getattr(t, k)) for k in ("arriving", "slope", "product")}}
                    for t in b.terms
                ],
            }
            for b in story.backward
        ],
        "notes": story.notes,
    }
    if paths is not None:
        record["paths"] = paths_json(paths)
    if limits:
        record["limits"] = limits_json(limits)
    if nudges is not None:
        record["nudges"] = nudges_json(nudges)
    if lesson.flow is not None:
        record["flow"] = flow_json(lesson.flow)
    if lesson.second is not None:
        record["second"] = second_json(lesson.second)
    if lesson.knobs is not None:
        record["knobs"] = knobs_json(lesson.knobs)
    return dump(record) + "\n"
