"""The results of a suite: text, JSON (schema backprop/suite@1), TAP 13 and JUnit XML."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Block
from backprop_cli.console.strict_json import dump, error_record
from backprop_cli.render.verdicts import MARKS, problems, verification_record
from backprop_cli.report import Outcome
from backprop_cli.text import in_xml, number_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.console.output import Output
    from backprop_cli.console.sheets import Role
    from backprop_cli.expect.suite import CaseResult


class SuiteWriter:
    """Writes the results of a suite as they come. This one collects them."""

    def __init__(self, output: Output, name: str) -> None:
        """name: of the suite."""
        self.output = output
        self.name = name
        self.results: list[CaseResult] = []

    def add(self, result: CaseResult) -> None:
        """Take the next result."""
        self.results.append(result)

    def close(self) -> None:
        """Write what comes last."""


def count(results: Sequence[CaseResult], status: Outcome) -> int:
    """Return how many results have the status."""
    return sum(result.status == status for result in results)


def why(result: CaseResult) -> list[str]:
    """Return what went wrong in a case as lines of text, none if it passed."""
    if result.error is not None:
        error = result.error
        place = f" in {error.text!r}" if error.text.strip() else ""
        return [f"{error.message}{place}{f'; hint: {error.hint}' if error.hint else ''}"]
    if result.status == Outcome.PASS or result.verification is None:
        return [*result.told]
    return problems(result.verification)


# ---- text ----


class _Text(SuiteWriter):
    def add(self, result: CaseResult) -> None:
        super().add(result)
        role: Role = "pass" if result.status == Outcome.PASS else "fail"
        lines: list[tuple[str, Role]] = [(f"{MARKS.get(result.status, 'ERROR'):5} {result.name}", role)]
        lines.extend((f"      {line}", "") for line in why(result))
        self.output.write_blocks([Block((), lambda: lines)])
        self.output.flush()

    def close(self) -> None:
        self.output.write(tally(self.results) + "\n")


def tally(results: Sequence[CaseResult]) -> str:
    """Return "7 cases: 5 passed, 1 failed, 1 in error"."""
    words = {Outcome.PASS: "passed", Outcome.FAIL: "failed", Outcome.ERROR: "in error"}
    parts = [f"{count(results, status):,} {word}" for status, word in words.items() if count(results, status)]
    return f"{len(results):,} case{'s' * (len(results) != 1)}: {', '.join(parts)}"


# ---- JSON ----


class _Json(SuiteWriter):
    def close(self) -> None:
        record = {
            "schema": "backprop/suite@1",
            "passed": count(self.results, Outcome.PASS),
            "failed": count(self.results, Outcome.FAIL),
            "errors": count(self.results, Outcome.ERROR),
            "cases": [_record(result) for result in self.results],
        }
        self.output.write(dump(record) + "\n")


def _record(result: CaseResult) -> dict[str, Any]:
    seconds = round(result.seconds, 6)
    record: dict[str, Any] = {"name": result.name, "status": result.status, "seconds": seconds}
    if result.verification is not None:
        record["result"] = verification_record(result.verification)
    if result.error is not None:
        record["error"] = error_record(result.error)
    return record


# ---- TAP, version 13, which every reader of TAP takes: https://testanything.org/tap-version-13-specification.html


class _Tap(SuiteWriter):
    def __init__(self, output: Output, name: str) -> None:
        super().__init__(output, name)
        output.write("TAP version 13\n")

    def add(self, result: CaseResult) -> None:
        super().add(result)
        self.output.write(tap_point(len(self.results), result))
        self.output.flush()

    def close(self) -> None:
        self.output.write(f"1..{len(self.results)}\n")


def tap_point(number: int, result: CaseResult) -> str:
    """Return a case as a test point, with what went wrong as a YAML block."""
    name = result.name.replace("\\", "\\\\").replace("#", "\\#")
    head = f"{'ok' if result.status == 'pass' else 'not ok'} {number} - {name}\n"
    if result.status == Outcome.PASS:
        return head
    lines = [f"message: {json.dumps(' '.join(why(result)[:1]))}", f"severity: {result.status}"]
    verdicts = result.verification.verdicts if result.verification else ()
    failed = [v for v in verdicts if v.status == Outcome.FAIL]
    if failed:
        lines.append("expectations:")
    for v in failed:
        lines.append(f"  - expectation: {json.dumps(v.claim)}")
        lines.append(f"    expected: {json.dumps(number_text(v.expected, None))}")
        lines.append(f"    got: {json.dumps(number_text(v.got, None))}")
        lines.append(f"    diagnosis: {json.dumps(v.diagnosis)}")
    return head + "".join(f"  {line}\n" for line in ("---", *lines, "..."))


# ---- JUnit XML ----


class _Junit(SuiteWriter):
    def __init__(self, output: Output, name: str) -> None:
        super().__init__(output, name)
        self.began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")

    def close(self) -> None:
        self.output.write(junit_xml(self.results, self.name, self.began))


def junit_xml(results: Sequence[CaseResult], suite: str, timestamp: str) -> str:
    """Return all results as JUnit XML. suite: its name.  timestamp: when it began, ISO 8601."""
    from xml.etree import ElementTree as ET

    totals = {
        "name": in_xml(suite),
        "tests": str(len(results)),
        "failures": str(count(results, Outcome.FAIL)),
        "errors": str(count(results, Outcome.ERROR)),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }
    root = ET.Element("testsuites", totals)
    cases = ET.SubElement(root, "testsuite", {**totals, "skipped": "0", "timestamp": timestamp})
    for result, name in zip(results, _distinct([result.name for result in results]), strict=True):
        names = {"classname": in_xml(suite), "name": in_xml(name), "time": f"{result.seconds:.3f}"}
        case = ET.SubElement(cases, "testcase", names)
        if result.status == Outcome.PASS:
            continue
        lines = [in_xml(line) for line in why(result)]
        tag, kind = ("error", result.error.kind) if result.error else ("failure", "expectation")
        problem = ET.SubElement(case, tag, {"type": kind, "message": lines[0]})
        problem.text = "\n".join(lines)
    ET.indent(root)
    # In ASCII, the encoding that is declared is right whatever the stream's is.
    text: str = ET.tostring(root, encoding="us-ascii").decode()
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _distinct(names: Sequence[str]) -> Iterator[str]:
    """Yield the names, each that was there before with its number: what shows results keeps one of a name."""
    taken: set[str] = set()
    times: Counter[str] = Counter()
    for name in names:
        told = name
        while told in taken:
            times[name] += 1
            told = f"{name} ({times[name] + 1})"
        taken.add(told)
        yield told


WRITERS = {"text": _Text, "json": _Json, "tap": _Tap, "junit": _Junit}
