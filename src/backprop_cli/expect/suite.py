"""Suites: files of cases, each a program, a point and what is expected there. Read, run, and added to.

A suite is TOML, with a table [[case]] for each, or JSON Lines, with an object on each line.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import BackpropError, DomainError, FileError, InputError, ParseError
from backprop_cli.expect.facts import read_claims
from backprop_cli.language.arrays.shapes import element_names
from backprop_cli.language.source import (
    check_names,
    choose_point,
    evaluate_constant,
    read_source,
)
from backprop_cli.language.values import read_values
from backprop_cli.record import Record
from backprop_cli.report import Outcome
from backprop_cli.text import did_you_mean, nested, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backprop_cli.expect.criteria import Criteria
    from backprop_cli.expect.verdict import Verification
    from backprop_cli.language.source import Source
    from backprop_cli.report import Report

_CRITERIA = ("rtol", "atol", "points", "seed")
_REFUSAL = ("error", "status", "hint")
_KEYS = ("name", "source", "program", "inputs", "expect", *_REFUSAL, "upstream", "wrt", "check", *_CRITERIA)
_KINDS = {error.kind: error for error in (DomainError, InputError, ParseError)}
_JSON_LINES = (".jsonl", ".ndjson", ".json")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Case(Record):
    """A case as it stands in the suite: its name, its keys, and where it is not a case, why."""

    name: str
    keys: dict[str, Any]
    error: BackpropError | None = None


class CaseResult(Record):
    """The outcome of a case. status: passed, failed, or an error where it could not be judged.

    told: what went wrong as lines, where there is neither a verification nor an error.
    """

    name: str
    status: Outcome
    seconds: float
    verification: Verification | None = None
    error: BackpropError | None = None
    told: tuple[str, ...] = ()


# ---- reading ----


def read_suite(text: str, name: str) -> list[Case]:
    """Return the cases of a suite. name: of the file, for messages.

    What is wrong with one case stands in that case. Raises FileError for a text that is no suite.
    """
    cases = list(_json_lines(text) if text.lstrip().startswith("{") else _toml(text, name))
    if not cases:
        raise FileError(
            f"{name} holds no cases", hint="a case is a table [[case]] in TOML, or a line of JSON"
        )
    return cases


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _toml(text: str, name: str) -> Iterator[Case]:
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        hint = "a case is a table [[case]] in TOML, or a line of JSON"
        if _is_json(text):
            raise FileError(f"{name} is one piece of JSON", hint=f"{hint}: jq -c '.[]' gives lines") from None
        raise FileError(f"{name} is not TOML: {error}", hint=hint) from None
    for key in document:
        if key != "case":
            raise FileError(
                f"{name} has {key!r} outside a case",
                hint=did_you_mean(key, ["case"]) or "every case begins with [[case]]",
            )
    cases = document.get("case", [])
    if not isinstance(cases, list):
        raise FileError(f"{name} has one table [case]", hint="every case begins with [[case]]")
    for number, keys in enumerate(cases, 1):
        yield _case(keys, f"case {number}")


def _json_lines(text: str) -> Iterator[Case]:
    from backprop_cli.batch.cells import unique_keys

    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            keys = json.loads(line, object_pairs_hook=unique_keys)
        except (ValueError, RecursionError) as error:
            yield Case(place, {}, InputError(f"the line is not JSON: {error}"))
        else:
            yield _case(keys, place)


def _case(keys: object, place: str) -> Case:
    if not isinstance(keys, dict):
        return Case(place, {}, InputError("a case is an object with the keys program, inputs and expect"))
    name = keys.get("name") or keys.get("program")
    return Case(printable(" ".join(name.split())) if isinstance(name, str) else place, keys)


# ---- running ----


def run_case(case: Case, criteria: Criteria, *, check: bool = True, strict: bool = False) -> CaseResult:
    """Judge a case. criteria, check: for what the case does not say itself.

    strict: whether a case whose value and gradients are not confirmed with 12 digits fails.
    """
    started = time.perf_counter()
    verification, error, status = None, case.error, Outcome.ERROR
    if error is None:
        try:
            _check_keys(case.keys)
            verification, error = _outcome(case.keys, criteria, check=check)
        except BackpropError as problem:
            error = problem
        else:
            if strict and error is None and verification is not None:
                error = _unconfirmed(verification)
            status = _status(verification, error)
    return CaseResult(case.name, status, time.perf_counter() - started, verification, error)


def _unconfirmed(verification: Verification) -> BackpropError | None:
    from backprop_cli.findings.confirmation import unconfirmed

    return unconfirmed(verification.report) if verification.status == Outcome.PASS else None


def _status(verification: Verification | None, error: BackpropError | None) -> Outcome:
    if error is not None:
        return Outcome.FAIL
    return Outcome.PASS if verification is None else verification.status


def _outcome(
    keys: dict[str, Any], criteria: Criteria, *, check: bool
) -> tuple[Verification | None, BackpropError | None]:
    """Return the verification of a case; and if it is to end in an error, what is wrong with that."""
    if "error" not in keys:
        return _verify(keys, criteria, check=check), None
    try:
        found = _verify(keys, criteria, check=check)
    except BackpropError as error:
        return None, _wrong_error(keys, error)
    return found, BackpropError(f"expected an error of the kind {keys['error']}, and there is none")


def _wrong_error(keys: dict[str, Any], error: BackpropError) -> BackpropError | None:
    """Return in what an error is not as expected, if it is not."""
    told = {"error": error.kind, "status": int(error.status), "hint": error.hint}
    for key in _REFUSAL:
        wanted = keys.get(key, told[key])
        if (str(wanted) not in str(told[key])) if key == "hint" else wanted != told[key]:
            message = f"expected the {key} {wanted!r}, got {told[key]!r}: {error.message}"
            return BackpropError(message, error.text, error.start, error.end)
    return None


def _check_keys(keys: dict[str, Any]) -> None:
    """Raise InputError for keys that a case does not have, and for those whose value can't be."""
    for key in keys:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or f"the keys are {', '.join(_KEYS)}"
            raise InputError(f"a case has no key {key!r}", hint=hint)
    if not isinstance(keys.get("name", ""), str):
        raise InputError("name is a text", hint='name = "the lesson"')
    sources = keys.get("source", "")
    if not all(isinstance(source, str) for source in (sources if isinstance(sources, list) else [sources])):
        raise InputError("source is a text, or a list of texts", hint='source = "the book, page 12"')
    if "error" not in keys and not keys.keys().isdisjoint(_REFUSAL):
        raise InputError("status and hint are those of an error", hint='error = "domain"')
    kind = keys.get("error", InputError.kind)
    if kind not in _KINDS:
        near = did_you_mean(kind, _KINDS) if isinstance(kind, str) else ""
        raise InputError(f"there is no error {kind!r}", hint=near or f"the kinds are {', '.join(_KINDS)}")


def _verify(keys: dict[str, Any], criteria: Criteria, *, check: bool) -> Verification:
    program = keys.get("program")
    if not isinstance(program, str):
        raise InputError("the case has no program", hint='program = "a*b"')
    given = read_values(f"{name}={_text(x, name)}" for name, x in _table(keys, "inputs").items())
    source = read_source(program, given)
    point = choose_point(source, given)
    expectations = [
        claim
        for name, xs in _table(keys, "expect").items()
        for x in (xs if isinstance(xs, list) and not _is_of_array(name, source) else [xs])
        for claim in read_claims(f"{name}={_text(x, name)}", source)
    ]
    wrt = keys.get("wrt")
    if wrt is not None and not (isinstance(wrt, list) and all(isinstance(name, str) for name in wrt)):
        raise InputError("wrt is a list of names", hint='wrt = ["a", "b"]')
    if not isinstance(keys.get("check", True), bool):
        raise InputError("check is true or false")
    judged = replace(criteria, **{key: _number(keys[key], key) for key in _CRITERIA if key in keys})

    from backprop_cli.expect.verify import verify_source

    found = verify_source(
        source,
        point,
        expectations,
        wrt=None if wrt is None else check_names(source, wrt),
        upstream=evaluate_constant(_text(keys.get("upstream", 1), "upstream")),
        check=check and keys.get("check", True),
        criteria=judged,
    )
    if found.missing is not None:
        raise found.missing
    return found


def _is_of_array(name: str, source: Source) -> bool:
    """Tell whether a list is expected of an array, and is no list of things expected."""
    name = name.rpartition(":")[2].strip()
    return name in source.shapes or any(step.name == name and step.shape for step in source.steps)


def _table(keys: dict[str, Any], key: str) -> dict[str, Any]:
    table = keys.get(key, {})
    if not isinstance(table, dict):
        raise InputError(f"{key} is a table of names", hint=f"{key} = {{a = 2, b = 3}}")
    return table


def _text(value: object, name: str) -> str:
    """Return a number, a formula that stands as a string, or an array of these, as text."""
    if isinstance(value, list):
        return f"[{', '.join(_text(x, name) for x in value)}]"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{name} is neither a number nor a formula", hint=f'{name} = 2 or {name} = "pi/4"')
    return value if isinstance(value, str) else repr(value)


def _number(value: object, key: str) -> Any:
    """Return the value of a key of the criteria."""
    whole = key in ("points", "seed")
    wanted: Any = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, wanted) or not 0 <= value < 1e9:
        raise InputError(f"{key} can't be {value!r}", hint=f"a {'whole ' * whole}number from 0 on")
    return value


# ---- adding ----


def append_case(path: Path, report: Report) -> None:
    """Add the point of a report to a suite, as a case that expects what the report found.

    The file is made if it is not there. Raises FileError; then the file is as it was.
    """
    if str(path) == "-" or (path.exists() and not path.is_file()):
        raise FileError(f"{path} is not a file")
    try:
        present = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, ValueError) as error:
        raise FileError(f"can't read {path}: {getattr(error, 'strerror', error)}") from None
    if present.strip():
        read_suite(present, str(path))
    as_json = present.lstrip().startswith("{") if present.strip() else path.suffix in _JSON_LINES
    keys = _keys_of(report)
    text = json.dumps(keys, ensure_ascii=False) + "\n" if as_json else _toml_case(keys)
    separator = "" if not present or present.endswith("\n") else "\n"
    _append(path, separator + text)


def _append(path: Path, text: str) -> None:
    """Add text to the end of a file: all of it or nothing. Two commands at once do not mix their cases."""
    data = text.encode()
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            written = os.write(file, data)
            if written < len(data):
                os.ftruncate(file, os.fstat(file).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(file)
    except OSError as error:
        raise FileError(f"can't write {path}: {error.strerror}") from None


def _keys_of(report: Report) -> dict[str, Any]:
    """Return a report as a case, with the numbers as the cross-check knows them, which may be more right."""
    clash = any("value" in (node.id, *node.aliases) for node in report.nodes)
    value = report.value if report.check.value is None else float(report.check.value)
    slopes = _of_arrays(report, {name: _slope_of(report, name) for name in report.gradients})
    expect = {"value:" if clash else "value": value}
    expect |= {f"grad:{name}" if name == "value" else name: slope for name, slope in slopes.items()}
    keys: dict[str, Any] = {
        "name": " ".join(report.program.split()),
        "program": report.program,
        "inputs": _of_arrays(report, report.inputs),
        "expect": expect,
    }
    if report.upstream != 1:
        keys["upstream"] = report.upstream
    if report.gradients.keys() != report.inputs.keys():
        keys["wrt"] = list(slopes)
    return keys


def _slope_of(report: Report, name: str) -> float:
    """Return a gradient as the cross-check knows it."""
    found = report.check.gradients[name]
    told = "0" if found.value is None and found.zero_within is not None else found.value
    return report.gradients[name] if told is None else float(told)


def _of_arrays(report: Report, numbers: dict[str, float]) -> dict[str, Any]:
    """Return numbers by the names of inputs, those of a whole array as lists of lists."""
    found: dict[str, Any] = dict(numbers)
    for name, array in report.arrays.items():
        elements = element_names(name, array.shape)
        if array.op == "input" and found.keys() >= set(elements):
            found[name] = nested(array.shape, [found.pop(element) for element in elements])
    return found


def _toml_case(keys: dict[str, Any]) -> str:
    lines = "".join(f"{key} = {_toml_value(value)}\n" for key, value in keys.items())
    return f"\n[[case]]\n{lines}"


def _toml_value(value: object) -> str:
    if isinstance(value, dict):
        pairs = (f"{_toml_key(key)} = {_toml_value(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    # A string of JSON is one of TOML, but for DEL.
    return (
        json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        if isinstance(value, str)
        else repr(value)
    )


def _toml_key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _toml_value(key)
