"""The page that steps through both passes: one file of HTML that needs nothing else.

Python writes the picture, the table and the formulas with slots; the scripts of the folder page/ compute the
numbers anew as inputs are edited, and fill them in. The page's own policy allows these scripts and this style
alone, by their hashes, and nothing from elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from backprop_cli.compile.javascript import use_name, write_operations
from backprop_cli.console.strict_json import number
from backprop_cli.draw.page.levels import MOST_DRAWN, levels_of
from backprop_cli.draw.picture import TIPS, draw_parts, draw_picture
from backprop_cli.errors import UsageError
from backprop_cli.notation.mathml import operation_tree, partial_tree, slope_tree, step_tree
from backprop_cli.notation.pretty import pretty
from backprop_cli.operations.table import OPS
from backprop_cli.report import ArrayRecord, Steps
from backprop_cli.tell.story import reason_of
from backprop_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.compile.javascript import Use
    from backprop_cli.draw.page.levels import Level
    from backprop_cli.report import NodeRecord, Report

_STYLES = ("colors.css", "page.css", "print.css")
_SCRIPTS = (
    "constants.js",
    "sweep.js",
    "story.js",
    "moves.js",
    "arrays.js",
    "steps.js",
    "print.js",
    "page.js",
)

# More nodes are drawn, but folded.
_MOST_OPEN = 300
_MOST_IN_HEADING = 90
_NO_HEADING = re.compile(r"[\n#]|[-+*/^]=")  # lines, remarks, and steps that change a name


def render_page(report: Report, *, direction: str = "LR", steps: Steps | None = None) -> str:
    """Return a computed program as a page that steps through it.

    direction: of the graph, "LR" or "TB".  steps: those that it opens with; None: arrays, or named ones where
    the program names any.
    """
    folder = files(__name__)
    runtime, *scripts = ((folder / name).read_text(encoding="utf-8") for name in ("runtime.js", *_SCRIPTS))
    uses = list(uses_of(report))
    if special := next((op.name for op, _ in uses if op.special), None):
        raise UsageError(f"the page can't compute {special}", hint="the other formats have it")
    script = "\n".join((runtime, write_operations(uses), *scripts))
    style = "\n".join((folder / name).read_text(encoding="utf-8") for name in _STYLES)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    heading = _heading(report) or f"The gradient of {report.output}"
    levels = levels_of(report, steps)
    first = "all" if steps is Steps.ALL or not levels else levels[0].name
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(heading)}: backpropagation step by step</title>
<style>{style}</style>
</head>
<body>
<main>
<div class="bench">
<div class="top">
<h1>{escape(heading)}</h1>
{_program(report)}<noscript><p>This page needs JavaScript, which is switched off.</p></noscript>
{_inputs(report)}
{_remarks(report)}<p id="trouble" role="alert" hidden></p>
<div class="controls" role="group" aria-label="Steps">
<button type="button" id="forward">Forward<span class="long"> pass</span></button>
<button type="button" id="backward">Backward<span class="long"> pass</span></button>
<button type="button" id="back">◀ Back</button>
<button type="button" id="step">Step ▶</button>
<button type="button" id="play">Play</button>
<button type="button" id="reset">Reset</button>
<label for="speed">Speed <select id="speed"><option value="2200">slow</option>\
<option value="1100" selected>normal</option><option value="450">fast</option></select></label>
<label><input type="checkbox" id="predict">predict</label>{_levels(levels, first)}
<span id="where"></span>
</div>
<input type="range" id="scrubber" min="0" max="0" value="0" aria-label="Step">
</div>
<div class="stage">
{_picture(report, direction, levels, first)}
<div class="panels">
<section class="panel now" aria-labelledby="now-title">
<h2 id="now-title">This step</h2>
<p id="sentence" role="status" aria-live="polite"></p>
<div id="question" class="controls" role="group" aria-label="Your prediction" hidden>
<label>yours <input type="text" id="guess" autocomplete="off" maxlength="200"></label>
<button type="button" id="reveal">Reveal</button>
</div>
<div id="formula" class="formula" tabindex="0" role="group" aria-label="The step as a formula"></div>
<ul id="reasons" aria-live="polite"></ul>
{_legend(report)}</section>
<section id="explained" class="panel" aria-labelledby="explained-title" aria-live="polite" hidden>
<h2 id="explained-title">A node</h2>
<ul id="explained-said"></ul>
<div id="explained-formula" class="formula" tabindex="0" role="group" aria-label="The node as formulas"></div>
</section>
{_moves(report)}</div>
</div>
</div>
{_table(report)}
<section id="derivation"></section>
</main>
<script type="application/json" id="data">{page_data(report, levels)}</script>
<script>{script}</script>
</body>
</html>
"""


def _hash(text: str) -> str:
    """Return the hash of a script or style as the policy writes it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _heading(report: Report) -> str:
    """Return the program if it is one short line, else ""."""
    text = report.program.strip().replace("**", "^")
    is_short = len(text) <= _MOST_IN_HEADING and not _NO_HEADING.search(text)
    return pretty(printable(text)) if is_short else ""


def _program(report: Report) -> str:
    if _heading(report):
        return ""
    lines = "\n".join(printable(line) for line in report.program.splitlines())
    return (
        f"<details><summary>The program</summary>"
        f'<pre class="scrolls" tabindex="0">{escape(lines)}</pre></details>\n'
    )


def _inputs(report: Report) -> str:
    fields = [
        f'<label for="input-{i}">{escape(node.id)} = <input type="text" id="input-{i}" data-node="{i}" '
        f'value="{_input_text(node.value)}" autocomplete="off" spellcheck="false" '
        f'aria-describedby="message-{i}" maxlength="200">'
        f'</label>{_slider(i, node)}<span class="message" id="message-{i}" role="alert"></span>'
        for i, node in enumerate(report.nodes)
        if node.op == "input"
    ]
    if not fields:
        return ""
    rows = "\n".join(f"<div>{field}</div>" for field in fields)
    return f'<div class="inputs" role="group" aria-label="Inputs">\n{rows}\n</div>'


def _slider(i: int, node: NodeRecord) -> str:
    """Return the slider beside a field, for the pointer; the keys move the field itself."""
    return f'<input type="range" data-slides="{i}" tabindex="-1" aria-label="Slide {escape(node.id)}">'


def _moves(report: Report) -> str:
    """Return how an input is nudged and all are updated; of another gradient than 1 they would not tell."""
    inputs = [(i, node.id) for i, node in enumerate(report.nodes) if node.op == "input"]
    if not inputs or report.upstream != 1:
        return ""
    options = "".join(f'<option value="{i}">{escape(name)}</option>' for i, name in inputs)
    wanted = {name for _, name in inputs if name.partition("#")[0] in report.gradients}
    boxes = "\n".join(
        f'<label><input type="checkbox" data-moves="{i}"{" checked" * (name in wanted)}>'
        f"{escape(name)}</label>"
        for i, name in inputs
    )
    return f"""<details id="moves" class="panel"><summary>Nudge and update</summary>
<div class="controls" role="group" aria-label="Nudge">
<button type="button" id="nudge">Nudge</button>
<label>input <select id="nudged">{options}</select></label>
<label>by <input type="text" id="nudge-size" value="0.001" autocomplete="off" maxlength="200"></label>
</div>
<div class="controls" role="group" aria-label="Update">
<button type="button" id="update">Update</button>
<label>rate <input type="text" id="rate" value="0.01" autocomplete="off" maxlength="200"></label>
{boxes}
</div>
</details>
"""


def _remarks(report: Report) -> str:
    """Return what is to be said of the program at every point."""
    said = [w.message for w in report.warnings if w.kind == "unused"]
    return "".join(f'<p class="quiet">{escape(message)}.</p>\n' for message in said)


def _input_text(value: float) -> str:
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _picture(report: Report, direction: str, levels: list[Level], first: str) -> str:
    count = len(report.nodes)
    if count > MOST_DRAWN and not levels:
        return (
            f'<p class="quiet">There is no picture: nobody could read one of {count:,} nodes. '
            "The steps and the table have them all.</p>"
        )
    drawing = draw_picture(report, direction) if count <= MOST_DRAWN else ""
    if levels:
        other = drawing or f'<p class="quiet">Nobody could read a picture of {count:,} nodes.</p>'
        pictures = {level.name: draw_parts(level.diagram, direction) for level in levels} | {"all": other}
        drawing = "".join(
            f'<div data-level="{escape(name)}"{" hidden" * (name != first)}>{picture}</div>'
            for name, picture in pictures.items()
        )
    drawing = TIPS + drawing
    box = (
        '<div class="drawing">'
        f'<div id="picture" data-direction="{direction}" tabindex="-1">{drawing}</div>\n'
        '<p class="quiet hint">Click a node for its whole calculation. Keys: Tab to the graph, arrows along '
        "the edges, Enter explains; elsewhere ←, →, Home and End step; in a field ↑ and ↓ nudge.</p></div>"
    )
    if count <= _MOST_OPEN or report.outline:
        return box
    return f"<details><summary>The graph of {count:,} nodes, to scroll in</summary>\n{box}</details>"


def _levels(levels: list[Level], first: str) -> str:
    """Return what chooses between the levels and a box for each node. first: the one to begin with."""
    if not levels:
        return ""
    offered = [(level.name, level.words) for level in levels] + [("all", "all nodes")]
    options = "".join(
        f'<option value="{escape(name)}"{" selected" * (name == first)}>{escape(words)}</option>'
        for name, words in offered
    )
    return f'\n<label for="level">Level <select id="level">{options}</select></label>'


def _legend(report: Report) -> str:
    if report.upstream == 1:
        return ""
    return (
        '<p class="quiet">g stands for the gradient that arrives at a node; '
        f"at {escape(report.output)} it is given.</p>\n"
    )


def _table(report: Report) -> str:
    gradient = f"∂{report.output}/∂node" if report.upstream == 1 else "gradient"
    feeds: dict[str, list[str]] = {node.id: [] for node in report.nodes}
    for node in report.nodes:
        for operand in dict.fromkeys(node.operands):
            if isinstance(operand, str):
                feeds[operand].append(node.id)
    rows = "\n".join(
        f'<tr data-node="{i}"><th scope="row"><button type="button" title="Explain {escape(node.id)}">'
        f"{escape(node.id)}</button></th><td>{escape(_text(node) or 'input')}</td>"
        f'<td class="number"><data class="value" value="">·</data></td>'
        f'<td class="number"><data class="gradient" value="">·</data></td>'
        f"<td>{escape(_listing(feeds[node.id]))}</td></tr>"
        for i, node in enumerate(report.nodes)
    )
    return f"""<h2 id="all-nodes">All nodes</h2>
<div class="scrolls" tabindex="0" role="group" aria-labelledby="all-nodes">
<table>
<thead><tr><th scope="col">node</th><th scope="col">computed as</th><th scope="col" class="number">value</th>\
<th scope="col" class="number">{escape(gradient)}</th><th scope="col">feeds</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>"""


def _listing(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "—"


def _text(node: NodeRecord) -> str:
    """Return a node in terms of its operands as it is shown; "" for an input."""
    return "" if node.op == "input" else pretty(node.expr)


def page_data(report: Report, levels: Sequence[Level] = ()) -> str:
    """Return what the scripts need as JSON in which no tag can begin."""
    place = {node.id: i for i, node in enumerate(report.nodes)}
    used = sorted({node.op for node in report.nodes if node.operands})
    data = {
        "output": place[report.output],
        "upstream": report.upstream,
        "nodes": [_node(node, place) | _found(node, report) for node in report.nodes],
        "facts": {name: _facts(name) for name in used},
        "levels": {level.name: [_part(record, place) for record in level.records] for level in levels},
    }
    return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )


def _part(record: ArrayRecord | NodeRecord, place: dict[str, int]) -> dict[str, Any]:
    """Return an array, or a number or step beside arrays, with the places of its nodes."""
    if not isinstance(record, ArrayRecord):
        plain = {"id": record.id, "text": _text(record), "rule": "", "shape": [], "nodes": [place[record.id]]}
        return plain | _folded(record, place)
    return {
        "id": record.name,
        "text": "" if record.op == "input" else pretty(record.expr),
        "rule": "" if record.op == "input" else record.backward,
        "shape": list(record.shape),
        "nodes": [place[element] for element in record.elements if element is not None],
    }


def _folded(step: NodeRecord, place: dict[str, int]) -> dict[str, Any]:
    """Return what is folded into a step, from the last operation to the first, and its formulas."""
    operands = [operand for operand in step.operands if isinstance(operand, str)]
    if not step.folded:
        return {"inner": [place[step.id]], "operands": [place[operand] for operand in operands]}
    return {
        "inner": [place[node.id] for node in step.folded],
        "operands": [place[operand] for operand in operands],
        "held": [step.mark(i)[1:] for i in range(len(operands))],
        "formula": step_tree(step),
        "slopes": [slope_tree(step, i) for i in range(len(operands))],
    }


def _fixed(node: NodeRecord) -> tuple[bool, ...]:
    """Tell for each operand of a node whether it is a constant."""
    return tuple(not isinstance(operand, str) for operand in node.operands)


def uses_of(report: Report) -> list[Use]:
    """Return the operations of a program, each with which operands are constants, once."""
    uses = dict.fromkeys((node.op, _fixed(node)) for node in report.nodes if node.operands)
    return [(OPS[name], fixed) for name, fixed in uses]


def _node(node: NodeRecord, place: dict[str, int]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": node.id,
        "op": node.op,
        "text": _text(node),
        "terms": [pretty(term) for term in node.terms],
        "operands": [
            {"node": place[x]} if isinstance(x, str) else {"number": number(x)} for x in node.operands
        ],
    }
    if not node.operands:
        return {**record, "value": number(node.value)}
    partials = [partial_tree(node, i) if isinstance(x, str) else None for i, x in enumerate(node.operands)]
    use = use_name(node.op, _fixed(node))
    held = [node.mark(i)[1:] for i in range(len(node.operands))]
    reasons = [reason_of(OPS[node.op], i, node) for i in range(len(node.operands))]
    more = {} if set(reasons) == {OPS[node.op].backward} else {"reasons": reasons}
    return {**record, "use": use, "formula": operation_tree(node), "slopes": partials, "held": held, **more}


def _found(node: NodeRecord, report: Report) -> dict[str, Any]:
    """Return the gradient of an input that is not what the backward pass gives, and what is said of it."""
    if node.swept is None:
        return {}
    said = [f"{w.message[:1].upper()}{w.message[1:]}." for w in report.warnings if w.node == node.id]
    return {"found": {"number": number(node.gradient), "said": " ".join(said)}}


def _facts(name: str) -> dict[str, Any]:
    op = OPS[name]
    return {
        "backward": op.backward,
        "infix": bool(op.infix),
        "needs": op.domain.words,
        "cuts": op.cuts,
        "condition": op.condition,
        "convention": op.kink.convention if op.kink else "",
        "gate": op.case is not None,
        "breaks": bool(op.kink and op.kink.breaks),
    }
