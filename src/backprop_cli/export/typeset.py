"""A program and its gradients as aligned formulas of LaTeX."""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

from backprop_cli import __version__
from backprop_cli.compile.target import Target, write_code
from backprop_cli.errors import UsageError
from backprop_cli.export.forms import INFIX, UNARY
from backprop_cli.export.lines import trace_program
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.notation.latex import escape, name_latex, number_latex
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.language.source import Source

_FUNCTIONS = {
    **{name: f"\\operatorname{{{{{name}}}}}" for name in UNARY},
    **{name: f"\\{name}" for name in ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "log": "\\ln",
    "asin": "\\arcsin",
    "acos": "\\arccos",
    "atan": "\\arctan",
}
_FORMS = {
    **INFIX,
    "mul": "{0} \\cdot {1}",
    "div": "\\frac{{{0}}}{{{1}}}",
    "ratio": "\\frac{{{0}}}{{{1}}}",
    "le": "{0} \\le {1}",
    "ge": "{0} \\ge {1}",
    "eq": "{0} = {1}",
    "ne": "{0} \\ne {1}",
    "both": "{0} \\land {1}",
    "either": "{0} \\lor {1}",
    "not": "\\lnot {0}",
    "where": "\\begin{{cases}} {1} & \\text{{if }} {0} \\\\ {2} & \\text{{otherwise}} \\end{{cases}}",
    **{name: f"{of}({{0}})" for name, of in _FUNCTIONS.items()},
    **{name: f"\\operatorname{{{{{name}}}}}({{0}}, {{1}})" for name in ("atan2", "hypot")},
    "sqrt": "\\sqrt{{{0}}}",
    "cbrt": "\\sqrt[3]{{{0}}}",
    "floor": "\\lfloor{{{0}}}\\rfloor",
    "ceil": "\\lceil{{{0}}}\\rceil",
    "pow": "({0})^{{{1}}}",
    "abs": "\\lvert{{{0}}}\\rvert",
    "sign": "\\operatorname{{sign}}({0})",
    "max": "\\max({0}, {1})",
    "min": "\\min({0}, {1})",
}
_DOCUMENT = r"""% Made by backprop {version}. Typeset it with pdflatex, xelatex or lualatex.
\documentclass[11pt]{{article}}
\usepackage[a4paper,margin=20mm]{{geometry}}
\usepackage{{amsmath}}
\allowdisplaybreaks
\begin{{document}}
\noindent\texttt{{{program}}}

\noindent The steps that compute {what} in doubles, by reverse mode. Angles are radians.
\begin{{align*}}
{formulas}
\end{{align*}}
\end{{document}}
"""


def typeset_source(source: Source, wrt: Sequence[str], *, hessian: bool = False) -> str:
    """Return a document with the steps of a program and of its gradients, a line each.

    hessian: whether the second derivatives are there, too.

    Raises UsageError for a program without inputs, or too long a one.
    """
    if not wrt:
        raise UsageError("the program has no input to differentiate with respect to", hint='"a*b" has two')
    graph = lower_source(source)
    lines = trace_program(graph, wrt, hessian=hessian)
    naming = Naming(graph)
    steps = {register: name for register, (name, _) in lines.steps.items()}
    own = [naming.output_id()] if naming.is_named(graph.output) else []
    spelt = _spell([*lines.parameters, *steps.values(), *own])
    taken = set(spelt.values())
    candidates = chain(("y", "f"), (f"f_{{{place}}}" for place in count(1)))
    output = spelt[own[0]] if own else next(name for name in candidates if name not in taken)
    taken.add(output)
    names = {register: spelt[name] for name, register in lines.parameters.items()}
    names |= {register: spelt[name] for register, name in steps.items()}
    target = Target(_FORMS, _number, "{name} &= {expression}")
    free = (name for name in (f"t_{{{place}}}" for place in count(1)) if name not in taken)
    found = [*lines.gradients.values(), *lines.hessian.values()]
    body, (value, *numbers) = write_code([lines.value, *found], target, names, temporary=lambda: next(free))
    slopes, second = numbers[: len(wrt)], numbers[len(wrt) :]
    rows = [line.text for line in body]
    if value != output:
        rows.append(f"{output} &= {value}")
    rows += [
        f"\\frac{{\\partial {output}}}{{\\partial {spelt[name]}}} &= {slope}"
        for name, slope in zip(wrt, slopes, strict=True)
    ]
    rows += [
        f"\\frac{{\\partial^2 {output}}}{{\\partial {spelt[a]} \\, \\partial {spelt[b]}}} &= {number}"
        for (a, b), number in zip(lines.hessian, second, strict=True)
    ]
    what = "its value, its gradient and its second derivatives" if hessian else "its value and its gradient"
    formulas = " \\\\\n".join(f"  {row}" for row in rows)
    program = escape(source.as_plain)
    return _DOCUMENT.format(version=__version__, program=program, formulas=formulas, what=what)


def _spell(names: Sequence[str]) -> dict[str, str]:
    """Return names as LaTeX, each another: x_1 is set as x1 is, so the second of them is as typed."""
    found: dict[str, str] = {}
    for name in names:
        if name not in found:
            text = name_latex(name)
            found[name] = f"\\text{{{escape(name)}}}" if text in found.values() else text
    return found


def _number(x: float | bool) -> str:
    if isinstance(x, bool):
        return f"\\text{{{'true' if x else 'false'}}}"
    return number_latex(number_text(x, None))
