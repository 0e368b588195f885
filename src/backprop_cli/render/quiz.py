"""Exercises as sheets: text, Markdown, LaTeX, HTML, with blanks or filled in; and the key as JSON."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.console.sheets import Row, Sheet, align
from backprop_cli.console.strict_json import dump, number
from backprop_cli.notation.latex import escape, mark_latex, name_latex
from backprop_cli.render.latex import document
from backprop_cli.render.markdown import table
from backprop_cli.text import held_words, in_xml, number_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.quiz.problem import Problem, Term
    from backprop_cli.report import NodeRecord, Report

    # Draws the graph of a report, with a text in the place of each number that is asked for.
    Draw = Callable[[Report, Callable[[float], str]], str]

_BLANK = "____"
_SYMBOL = re.compile(r"∂([^/]+)/∂([^|]+)(\|.+)?")
_ASK = "Fill in the blanks: values forward in the table, gradients from the output back by the chain rule."


class Page(NamedTuple):
    """A problem as parts of text, with blanks or filled in."""

    title: str
    given: list[str]
    table: Sheet
    rules: list[str]
    graph: str


def render_key(problems: Sequence[Problem]) -> str:
    """Return problems with their answers as one line of JSON, schema backprop/quiz@1."""
    return dump({"schema": "backprop/quiz@1", "problems": [_problem(p) for p in problems]})


def _problem(problem: Problem) -> dict[str, Any]:
    report = problem.report
    return {
        "number": problem.number,
        "program": problem.program,
        "inputs": report.inputs,
        "questions": [
            {"name": q.name, "symbol": q.symbol, "from": q.asked, "answer": number(q.answer)}
            for q in problem.questions
        ],
    }


def render_answers(problems: Sequence[Problem], *, filled: bool) -> str:
    """Return the table of answers that is marked, a row for each problem: still empty, or the right ones."""
    names = dict.fromkeys(q.name for problem in problems for q in problem.questions)
    ordered = sorted(names, key=lambda name: not name.startswith("value:"))
    text = io.StringIO()
    writer = csv.DictWriter(text, ["student", "problem", *ordered], restval="", lineterminator="\n")
    writer.writeheader()
    for problem in problems:
        answers = {q.name: _shown(q.answer) for q in problem.questions if filled}
        writer.writerow({"problem": problem.number, **answers})
    return text.getvalue()


def _pages(problems: Sequence[Problem], draw: Draw, *, filled: bool) -> list[Page]:
    return [_page(problem, draw, _shown if filled else _hidden) for problem in problems]


def _page(problem: Problem, draw: Draw, show: Callable[[float], str]) -> Page:
    return Page(
        f"Problem {problem.number}",
        [*problem.statements, problem.point],
        _table(problem, show),
        list(_rules(problem, show)),
        draw(problem.report, show),
    )


def _shown(x: float) -> str:
    return number_text(x, None)


def _hidden(_: float) -> str:
    return _BLANK


def _table(problem: Problem, show: Callable[[float], str]) -> Sheet:
    output = problem.report.output
    header = ("node", "expression", "value", "local derivatives", f"∂{output}/∂node")
    return Sheet(header, (2, 4), [_row(node, output, show) for node in problem.report.nodes])


def _row(node: NodeRecord, output: str, show: Callable[[float], str]) -> Row:
    is_given = node.op in ("input", "constant")
    locals_ = [
        f"∂{node.id}/∂{operand}{node.mark(argnum)} = {show(partial)}"
        for argnum, operand in enumerate(node.operands)
        if isinstance(operand, str) and (partial := node.partials[argnum]) is not None
    ]
    gradient = _shown(node.gradient) if node.id == output else show(node.gradient)
    value = _shown(node.value) if is_given else show(node.value)
    expression = "input" if node.op == "input" else node.expr
    return Row(((node.id,), (expression,), (value,), ("  ".join(locals_),), (gradient,)))


def _rules(problem: Problem, show: Callable[[float], str]) -> list[str]:
    gradients = {node.id: node.gradient for node in problem.report.nodes}
    output = problem.report.output
    lines = []
    for name, terms in problem.chain_rules:
        symbols = " + ".join(term.text for term in terms)
        numbers = " + ".join(f"{_arriving(t, output, show)} · {_factor(t.partial, show)}" for t in terms)
        lines.append(f"∂{output}/∂{name} = {symbols} = {numbers} = {show(gradients[name])}")
    return lines + _held(problem)


def _held(problem: Problem) -> list[str]:
    """Return what the marks behind local derivatives say."""
    return [
        f"In ∂{node.id}/∂{operand}{mark}, {held_words(mark, operand)}."
        for node in problem.report.nodes
        for argnum, operand in enumerate(node.operands)
        if isinstance(operand, str) and (mark := node.mark(argnum))
    ]


def _arriving(term: Term, output: str, show: Callable[[float], str]) -> str:
    """Return the gradient of a term; the one at the output is given."""
    return _shown(term.number) if term.gradient == f"∂{output}/∂{output}" else _factor(term.number, show)


def _factor(x: float, show: Callable[[float], str]) -> str:
    text = show(x)
    return f"({text})" if text.startswith("-") else text


# ---- forms ----


def render_text(problems: Sequence[Problem], draw: Draw, *, filled: bool) -> str:
    """Return sheets as text."""
    parts = [_ASK]
    for page in _pages(problems, draw, filled=filled):
        given = "\n".join(f"  {line}" for line in page.given)
        rules = "\n".join(f"  {line}" for line in page.rules)
        table = "\n".join(align(page.table))
        parts += [f"{page.title}\n{given}", table, f"Chain rule\n{rules}", f"Graph\n{page.graph}"]
    return "\n\n".join(parts) + "\n"


def render_markdown(problems: Sequence[Problem], draw: Draw, *, filled: bool) -> str:
    """Return sheets as Markdown."""
    parts = ["# Backpropagation by hand", _ASK]
    for page in _pages(problems, draw, filled=filled):
        parts += [f"## {page.title}", _fenced(page.given), table(page.table, (0, 1, 3))]
        parts += ["Chain rule", _fenced(page.rules), "Graph", _fenced([page.graph])]
    return "\n\n".join(parts) + "\n"


def _fenced(lines: list[str]) -> str:
    return "\n".join(["```text", *lines, "```"])


def render_html(problems: Sequence[Problem], draw: Draw, *, filled: bool) -> str:
    """Return sheets as one page of HTML, each problem on paper of its own."""
    body = "\n".join(_section(page) for page in _pages(problems, draw, filled=filled))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Backpropagation by hand</title>
<style>
:root {{ color-scheme: light; font-family: sans-serif; }}
@page {{ margin: 15mm; }}
h2 {{ break-after: avoid; }}
body {{ margin: 2em; }}
pre, .wide {{ overflow-x: auto; }}
pre {{ font-family: monospace; line-height: 1.25; white-space: pre-wrap; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid; padding: 0.3em 0.6em; text-align: left; }}
svg {{ max-width: 100%; height: auto; break-inside: avoid; }}
.name {{ border-bottom: 1px solid; max-width: 25em; }}
@media print {{
  body {{ margin: 0; }}
  section:not(:last-child) {{ break-after: page; }}
  svg {{ max-height: 24cm; }}
}}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _section(page: Page) -> str:
    head = "".join(f'<th scope="col">{in_xml(cell)}</th>' for cell in page.table.header)
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{in_xml(cell[0])}</td>" for cell in row.cells) + "</tr>"
        for row in page.table.rows
    )
    return f"""<section>
<h1>{page.title}</h1>
<p class="name">Name</p>
<p>{_ASK}</p>
<pre tabindex="0">{in_xml(chr(10).join(page.given))}</pre>
<div class="wide" tabindex="0"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table></div>
<h2>Chain rule</h2>
<pre tabindex="0">{in_xml(chr(10).join(page.rules))}</pre>
<h2>Graph</h2>
<div class="wide" tabindex="0">{page.graph}</div>
</section>"""


def render_latex(problems: Sequence[Problem], draw: Draw, *, filled: bool) -> str:
    """Return sheets as a LaTeX document, a page for each problem, in ASCII."""
    pages = _pages(problems, draw, filled=filled)
    body = "\n\\newpage\n".join(_latex_page(page) for page in pages)
    return document(
        body, size="10pt", page="margin=15mm", definitions="\\usepackage{graphicx}\n\\pagestyle{empty}\n"
    )


def _latex_page(page: Page) -> str:
    given = "".join(f"\\noindent\\texttt{{{escape(line)}}}\\\\\n" for line in page.given)
    rules = "".join(f"\\noindent {_maths(line)}\\\\[6pt]\n" for line in page.rules)
    header = " & ".join(_maths(cell) if cell.startswith("∂") else cell for cell in page.table.header)
    rows = "".join(" & ".join(map(_latex_cell, row.cells)) + " \\\\ \\hline\n" for row in page.table.rows)
    # A letter that verbatim can't set is left to table and rules.
    graph = f"\\subsection*{{Graph}}\n{{\\scriptsize\\begin{{verbatim}}\n{page.graph}\n\\end{{verbatim}}}}\n"
    return (
        f"\\section*{{{page.title}}}\n\\noindent Name: \\underline{{\\hspace{{16em}}}}\n\n"
        f"\\medskip\\noindent {_ASK}\n\n\\medskip\n{given}\n\\medskip\\noindent\n"
        "\\renewcommand{\\arraystretch}{2.4}%\n"
        "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
        f"\\begin{{tabular}}{{|l|l|r|l|r|}}\n\\hline\n{header} \\\\ \\hline\n{rows}\\end{{tabular}}}}\n\n"
        f"\\subsection*{{Chain rule}}\n{rules}{graph if page.graph.isascii() else ''}"
    )


def _latex_cell(lines: tuple[str, ...]) -> str:
    text = lines[0]
    return _maths(text) if text == _BLANK or text.startswith("∂") else f"\\texttt{{{escape(text)}}}"


def _maths(text: str) -> str:
    """Return equations of derivatives as maths; a sentence as it is."""
    if not text.startswith(("∂", _BLANK)):
        return " ".join(_maths(word) if word.startswith("∂") else escape(word) for word in text.split())
    signs = {"·": r"\cdot", _BLANK: r"\underline{\hspace{2.5em}}"}
    words = [_SYMBOL.sub(_fraction, signs.get(word, word)) for word in text.replace("  ", " \\quad ").split()]
    return f"$\\displaystyle {' '.join(words)}$"


def _fraction(found: re.Match[str]) -> str:
    below = "\\text{node}" if found[2] == "node" else name_latex(found[2])
    return f"\\frac{{\\partial {name_latex(found[1])}}}{{\\partial {below}}}{mark_latex(found[3] or '')}"
