"""A student's answers marked: what is right, and hints that lead without showing the solution."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.render.table import summary
from backprop_cli.report import Outcome
from backprop_cli.text import listing, number_text

if TYPE_CHECKING:
    from backprop_cli.console.sheets import Role
    from backprop_cli.expect.verdict import Verdict, Verification

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])")

# With these the answer that was given makes the solution.
_TELLING = ("sign", "reciprocal")
# What is missing, behind the reason: the answer and it make the solution.
_AMOUNT = re.compile(r": [+-]?\d[\d.e-]*(?=$|; or )")


def marking_blocks(found: Verification, hint: int) -> list[Block]:
    """Return a line per answer and how many are right. hint: 1 where to look, 2 also why, 3 also the rule."""
    rows = [
        Row(((_mark(v),), (v.claim,), (remark(v, hint),)), "fail" if v.is_slip else "pass")
        for v in found.verdicts
    ]
    sheet = Sheet(("", "yours", ""), (), rows, wraps=2)
    return [
        Block((lambda: sheet,), lambda: [line for v in found.verdicts for line in _lines(v, hint)]),
        Block((), lambda: _closing(found)),
    ]


def _mark(v: Verdict) -> str:
    return "no" if v.is_slip else "right"


def _lines(v: Verdict, hint: int) -> list[tuple[str, Role]]:
    """Return an answer as short lines."""
    lines: list[tuple[str, Role]] = [(f"{_mark(v)} {v.claim}", "fail" if v.is_slip else "pass")]
    told = remark(v, hint)
    return [*lines, (f"  {told}", "")] if told else lines


def remark(v: Verdict, hint: int) -> str:
    """Return what a student is told of an answer. hint: as for ``marking_blocks``."""
    if v.follows:
        return f"from your {listing(list(v.follows))}"
    if not v.is_slip:
        return ""
    place = f"look at {v.place}" if v.place else ""
    is_telling = any(cause in _TELLING for cause in v.causes)
    reason = _AMOUNT.sub("", v.diagnosis) if hint > 1 and not is_telling else ""
    notes = ["" if _gives_away(reason, v.got) else reason, place, v.rule if hint > 2 else ""]
    return ": ".join(filter(None, notes))


def _gives_away(reason: str, solution: float) -> bool:
    """Tell whether a reason holds the solution, if with the other sign."""
    shown = {abs(float(text)) for text in _NUMBER.findall(reason)}
    return bool(shown & {abs(solution), abs(float(number_text(solution)))})


def _closing(found: Verification) -> list[tuple[str, Role]]:
    """Return the last line, and what is wrong with the cross-check, if anything is."""
    slips, count = found.slips, len(found.verdicts)
    names = listing([v.claim.partition(" =")[0] for v in slips])
    wrong = f"{len(slips)} slip{'s' * (len(slips) > 1)} at {names}; " if slips else ""
    line: tuple[str, Role] = (f"{wrong}{count - len(slips)} of {count} right", "fail" if slips else "pass")
    return [line, summary(found.report, 6)] if found.report.check.status == Outcome.FAIL else [line]
