"""The verdicts on expectations: as lines for people, and as JSON: schema backprop/check@1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.console.strict_json import dump, maybe_number, number, warning_record
from backprop_cli.expect.verdict import Settled
from backprop_cli.render import table
from backprop_cli.render.json import check_record
from backprop_cli.render.table import check_block, summary
from backprop_cli.report import Outcome
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from backprop_cli.console.sheets import Role
    from backprop_cli.expect.verdict import Verdict, Verification

MARKS = {Outcome.PASS: "ok", Outcome.FAIL: "FAIL"}


def verification_blocks(found: Verification, *, digits: int | None) -> list[Block]:
    """Return a line per expectation and the verdict; without expectations the cross-check alone."""
    blocks = []
    if found.verdicts:
        blocks.append(verdict_block(found.verdicts, digits=digits))
    if found.report.gradients and (not found.verdicts or found.report.check.status == Outcome.FAIL):
        blocks.append(check_block(found.report, digits=digits, everything=False))
    return [*blocks, Block((), lambda: [closing(found, digits), *table.right_lines(found.report, digits)])]


def verdict_block(verdicts: tuple[Verdict, ...], *, digits: int | None) -> Block:
    """Return a line per expectation: what was expected, what was got, the difference, and a remark."""
    rows = [
        Row(
            (
                (MARKS[v.status],),
                (v.claim,),
                *((text,) for text in _numbers(v, digits)),
                (_difference(v, digits),),
                (remark(v, digits),),
            ),
            "pass" if v.status == Outcome.PASS else "fail",
        )
        for v in verdicts
    ]
    sheet = Sheet(("", "expectation", "expected", "got", "difference", ""), (2, 3, 4), rows, wraps=5)
    return Block((lambda: sheet,), lambda: [line for v in verdicts for line in _lines(v, digits)])


def _numbers(v: Verdict, digits: int | None) -> tuple[str, str]:
    """Return what was expected and what was got, apart where they should be equal and are not."""
    if v.words is not None:
        return v.words
    if v.status == Outcome.PASS or v.elsewhere is not None:
        return number_text(v.expected, digits), number_text(v.got, digits)
    return apart(v.expected, v.got, digits)


def _difference(v: Verdict, digits: int | None) -> str:
    return "" if v.words else number_text(v.difference, 3 if digits is None else min(digits, 3))


def _lines(v: Verdict, digits: int | None) -> list[tuple[str, Role]]:
    """Return an expectation as short lines."""
    expected, got = _numbers(v, digits)
    role: Role = "pass" if v.status == Outcome.PASS else "fail"
    lines: list[tuple[str, Role]] = [(f"{MARKS[v.status]} {v.claim}", role)]
    difference = "" if v.words else f", difference {number_text(v.difference, 3)}"
    lines.append((f"  expected {expected}, got {got}{difference}", ""))
    text = remark(v, digits)
    return [*lines, (f"  {text}", "")] if text else lines


def remark(v: Verdict, digits: int | None) -> str:
    """Return what there is to say of a verdict: what differs, or how far the formula was compared."""
    notes = [_what(v, digits)]
    if v.exact is not None:
        notes.append(f"exactly {number_text(v.exact, digits)}, which doubles lose")
    return "; ".join(filter(None, notes))


def _what(v: Verdict, digits: int | None) -> str:
    if v.elsewhere is not None:
        point = " ".join(f"{name}={number_text(x, None)}" for name, x in v.elsewhere.inputs.items())
        expected, got = apart(v.elsewhere.expected, v.elsewhere.got, digits)
        return f"{v.diagnosis}: at {point} expected {expected}, got {got}"
    if v.status == Outcome.FAIL:
        return v.diagnosis
    if v.settled == Settled.SYMPY:
        return "everywhere, by sympy"
    return f"at {v.points} further points" if v.settled == Settled.POINTS else v.diagnosis


def apart(x: float, y: float, digits: int | None) -> tuple[str, str]:
    """Return two numbers with as many digits as it takes to see that they differ."""
    while digits is not None and digits < 17 and x != y and number_text(x, digits) == number_text(y, digits):
        digits += 1
    return number_text(x, digits), number_text(y, digits)


def closing(found: Verification, digits: int | None) -> tuple[str, Role]:
    """Return the last line: how many expectations are met, and the verdict of the cross-check."""
    text, role = summary(found.report, digits)
    count = len(found.verdicts)
    if not count:
        return text, role
    failed = sum(v.status == Outcome.FAIL for v in found.verdicts)
    word = f"expectation{'s' * (count != 1 or failed > 0)}"
    slips = len(found.slips)
    alone = "" if slips == failed else f", by {slips} slip{'s' * (slips != 1)}"
    met = f"{failed} of {count} {word} NOT MET{alone}" if failed else f"{count} {word} met"
    seed = f" (seed {found.seed})" if any(v.settled == Settled.POINTS for v in found.verdicts) else ""
    return f"{met}{seed}; {text}", "fail" if failed else role


def problems(found: Verification) -> list[str]:
    """Return what is not met, a sentence each."""
    sentences = []
    for v in found.verdicts:
        if v.status == Outcome.FAIL:
            expected, got = _numbers(v, 6)
            numbers = "" if v.elsewhere else f"expected {expected}, got {got}"
            sentences.append(f"{v.claim}: {': '.join(filter(None, (numbers, remark(v, 6))))}")
    if found.report.check.status == Outcome.FAIL:
        sentences.append(summary(found.report, 6)[0])
    return sentences


# ---- JSON ----


def render_verification(found: Verification) -> str:
    """Return a verification as one line of JSON."""
    return dump({"schema": "backprop/check@1", **verification_record(found)})


def verification_record(found: Verification) -> dict[str, Any]:
    """Return a verification as the object that JSON has for it."""
    report = found.report
    return {
        "program": report.program,
        **({"read_as": report.read_as} if report.read_as else {}),
        "inputs": {name: number(x) for name, x in report.inputs.items()},
        "value": number(report.value),
        "upstream": number(report.upstream),
        "status": found.status,
        "expectations": [_record(v) for v in found.verdicts],
        "seed": found.seed,
        "check": check_record(report.check),
        "warnings": [*map(warning_record, report.warnings)],
    }


def _record(v: Verdict) -> dict[str, Any]:
    record: dict[str, Any] = {
        "expectation": v.claim,
        "of": v.of,
        "node": v.node,
        "status": v.status,
        "expected": maybe_number(None if math.isnan(v.expected) else v.expected),
        "got": number(v.got),
        "difference": maybe_number(None if math.isnan(v.difference) else v.difference),
        "settled": v.settled,
    }
    if v.words is not None:
        record["words"] = {"expected": v.words[0], "got": v.words[1]}
    if v.points:
        record["points"] = v.points
    if v.exact is not None:
        record["exact"] = number(v.exact)
    if v.follows:
        record["follows"] = list(v.follows)
    if v.diagnosis:
        record["diagnosis"] = v.diagnosis
    if v.elsewhere is not None:
        record["elsewhere"] = {
            "inputs": {name: number(x) for name, x in v.elsewhere.inputs.items()},
            "expected": number(v.elsewhere.expected),
            "got": number(v.elsewhere.got),
        }
    return record
