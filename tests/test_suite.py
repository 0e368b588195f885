"""Suites: cases read, run, written in forms that other programs read, and added to from grad."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import tomllib
from pathlib import Path

import jsonschema
import junitparser
import pytest
import tap.parser
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli import BackpropError, gradient
from backprop_cli.expect.criteria import DEFAULT
from backprop_cli.expect.suite import CaseResult, append_case, read_suite, run_case
from backprop_cli.render.suite import junit_xml, tap_point
from backprop_cli.schemas import schema_text
from conftest import Run
from console import BIN, environment

SUITE = r"""
# The lesson, by hand
[[case]]
name = "lesson"
program = "(a*b+c)*f"
inputs = {a = 2, b = 3, c = -10, f = 5}
expect = {a = 15, b = "a*f", value = -20}

[[case]]
name = "hash # back\\slash"
program = "(a*b+c)*f"
inputs = {a = 2, b = 3, c = -10, f = 5}
expect = {a = -15, f = -4}

[[case]]
name = "no value"
program = "log(x)"
inputs = {x = -1}

[[case]]
program = "log(x"

[[case]]
name = "σ"
program = '''
a = sigmoid(z)
a'''
inputs = {z = "pi/4"}
expect = {z = "a*(1-a)", "value:a" = "1/(1+exp(-z))"}
"""
STATUSES = ["pass", "fail", "error", "error", "pass"]
NAMES = ["lesson", "hash # back\\slash", "no value", "log(x", "σ"]


def results(text: str = SUITE) -> list[CaseResult]:
    return [run_case(case, DEFAULT) for case in read_suite(text, "suite")]


def one(text: str) -> CaseResult:
    (result,) = results(text)
    return result


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "gradients.toml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def test_each_case_has_its_status() -> None:
    found = results()
    assert [r.name for r in found] == NAMES
    assert [r.status for r in found] == STATUSES
    assert [r.error.kind for r in found if r.error] == ["domain", "parse"]


def test_json_lines_hold_the_same_cases() -> None:
    lines = "\n\n".join(json.dumps(case) for case in tomllib.loads(SUITE)["case"])
    assert [r.status for r in results(lines)] == STATUSES


CASES = [
    ('{"program": "a*b", "inputs": {"a": 2, "b": 3}, "expect": {"a": 3}}', "pass", ""),
    ('{"program": "a*b", "inputs": {"a": 2, "b": 3}, "expect": {"a": "3*1"}}', "pass", ""),
    ('{"program": "a*b", "inputs": {"a": 2, "b": 3}, "expect": {"a": 30}, "upstream": 10}', "pass", ""),
    ('{"program": "a*b", "inputs": {"a": 2, "b": 3}, "expect": {"a": 3.1}, "rtol": 0.1}', "pass", ""),
    ('{"program": "a*b", "inputs": {"a": 2, "b": 2}, "expect": {"a": "a"}, "points": 0}', "pass", ""),
    ('{"program": "a*b", "inputs": {"a": 2, "b": 2}, "expect": {"a": "a"}, "seed": 9}', "fail", ""),
    ('{"program": "sqrt(a)*b", "inputs": {"a": 0, "b": 2}, "wrt": ["b"]}', "pass", ""),
    ('{"program": "sqrt(a)*b", "inputs": {"a": 0, "b": 2}}', "error", "with respect to a is infinity"),
    ('{"program": "a*b", "inputs": {"a": 2}}', "error", "b has no value"),
    ('{"program": "a", "inputs": {"a": true}}', "error", "a is neither a number nor a formula"),
    ('{"program": "a", "inputs": {"a": NaN}}', "error", "can't depend on the name nan"),
    ('{"program": "a", "inputs": {"a": 1e999}}', "error", "can't depend on the name inf"),
    ('{"program": "a", "inputs": {"a b": 1}}', "error", "'a b' is not a name"),
    ('{"program": "a", "inputs": [1]}', "error", "inputs is a table of names"),
    ('{"program": "a", "inputs": {"a": 1}, "expect": {"q": 1}}', "error", "q is not a node"),
    ('{"program": "a", "inputs": {"a": 1}, "expects": {}}', "error", "a case has no key 'expects'"),
    ('{"program": "a", "inputs": {"a": 1}, "rtol": -1}', "error", "rtol can't be -1"),
    ('{"program": "a", "inputs": {"a": 1}, "points": 1.5}', "error", "points can't be 1.5"),
    ('{"program": "a", "inputs": {"a": 1}, "check": 1}', "error", "check is true or false"),
    ('{"program": "a", "inputs": {"a": 1}, "wrt": "a"}', "error", "wrt is a list of names"),
    ('{"program": "a", "inputs": {"a": 1, "a": 2}}', "error", "a key stands twice"),
    ('{"program": "a", "inputs": {"a": 1}, "name": 5}', "error", "name is a text"),
    (
        '{"program": "x + 0.2", "inputs": {"x": 0.1}, "expect": {"value": 0.30000000000000004}, "rtol": 0}',
        "pass",
        "",
    ),
    ('{"program": "0.1 + x", "inputs": {"x": 0.2}, "expect": {"value": 0.3}, "rtol": 0}', "fail", ""),
    ('{"program": "abs(x)", "inputs": {"x": 0}, "expect": {"x": "kink -1 1"}}', "pass", ""),
    ('{"program": "abs(x)", "inputs": {"x": 0}, "expect": {"x": "kink -1 1.001"}}', "fail", ""),
    ('{"program": "abs(x)", "inputs": {"x": 0}, "expect": {"x": ["kink", 0]}}', "pass", ""),
    ('{"program": "abs(x)", "inputs": {"x": 0}, "expect": {"x": "smooth"}}', "fail", ""),
    ('{"program": "abs(x)", "inputs": {"x": 2}, "expect": {"x": ["smooth", 1, "digits = 16"]}}', "pass", ""),
    ('{"program": "abs(x)", "inputs": {"x": 2}, "expect": {"x": "kink 1 1"}}', "fail", ""),
    ('{"program": "sqrt(x)", "inputs": {"x": 0}, "expect": {"x": ["inf", "kink none inf"]}}', "pass", ""),
    ('{"program": "sqrt(x)", "inputs": {"x": 0}, "expect": {"x": "-inf"}}', "fail", ""),
    ('{"program": "0^x", "inputs": {"x": 0}, "expect": {"x": "undefined"}}', "pass", ""),
    ('{"program": "0^x", "inputs": {"x": 1}, "expect": {"x": "undefined"}}', "fail", ""),
    ('{"program": "0^x", "inputs": {"x": 0}, "wrt": ["x"], "expect": {"x": "undefined"}}', "pass", ""),
    ('{"program": "cos(x)", "inputs": {"x": 1}, "expect": {"x": "digits <= 3"}}', "fail", ""),
    ('{"program": "kink*x", "inputs": {"x": 1, "kink": 2}, "expect": {"x": "kink"}}', "pass", ""),
    ('{"program": "x", "inputs": {"x": 1}, "expect": {"x": "kink 1"}}', "error", "is not an expectation"),
    ('{"program": "x", "inputs": {"x": 1}, "expect": {"value": "kink"}}', "error", "is said of a gradient"),
    ('{"program": "e=x; e^2", "inputs": {"x": 1}, "expect": {"e": "smooth"}}', "error", "e is not an input"),
    ('{"program": "x", "inputs": {"x": 1}, "check": false, "expect": {"x": "smooth"}}', "error", "without"),
    ('{"program": "log(x)", "inputs": {"x": 0}, "error": "domain", "status": 3}', "pass", ""),
    ('{"program": "log(x)", "inputs": {"x": 0}, "error": "parse"}', "fail", "expected the error 'parse'"),
    (
        '{"program": "log(x)", "inputs": {"x": 0}, "error": "domain", "status": 2}',
        "fail",
        "the status 2, got 3",
    ),
    ('{"program": "log(x)", "inputs": {"x": 1}, "error": "domain"}', "fail", "and there is none"),
    (
        '{"program": "log(1+exp(x))", "inputs": {"x": 1e3}, "error": "domain", "hint": "softplus(x)"}',
        "pass",
        "",
    ),
    ('{"program": "log(x)", "inputs": {"x": 0}, "error": "domain", "hint": "abs"}', "fail", "the hint 'abs'"),
    ('{"program": "a", "inputs": {"a": 1}, "error": "domian"}', "error", "there is no error 'domian'"),
    ('{"program": "a", "inputs": {"a": 1}, "error": 3}', "error", "there is no error 3"),
    ('{"program": "a", "inputs": {"a": 1}, "status": 3}', "error", "status and hint are those of an error"),
    ('{"program": "a", "inputs": {"a": 1}, "source": ["a page", "a thread"]}', "pass", ""),
    ('{"program": "a", "inputs": {"a": 1}, "source": 7}', "error", "source is a text"),
    ('{"program": 3}', "error", "the case has no program"),
    ('{"inputs": {}}', "error", "the case has no program"),
    ('{"program": "a", "inputs": {"a": ' + "9" * 5000 + "}}", "error", "the line is not JSON"),
    ('{"program": ', "error", "the line is not JSON"),
    ("{" * 100_000, "error", "the line is not JSON"),
]


@pytest.mark.parametrize(("line", "status", "message"), CASES, ids=lambda x: str(x)[:60])
def test_a_case(line: str, status: str, message: str) -> None:
    result = one(line)
    assert result.status == status, result
    assert message in (result.error.message if result.error else "")


def test_an_array_on_a_line_is_no_case() -> None:
    good = '{"program": "a", "inputs": {"a": 1}}'
    assert [r.status for r in results(f"{good}\n[1, 2]\n7\n{good}")] == ["pass", "error", "error", "pass"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "suite holds no cases"),
        ("# nothing\n", "suite holds no cases"),
        ("[[cases]]\nprogram = 'a'", "suite has 'cases' outside a case"),
        ("[case]\nprogram = 'a'", r"suite has one table \[case\]"),
        ("[[case]\n", "suite is not TOML"),
        ("a,b\n1,2", "suite is not TOML"),
    ],
)
def test_what_is_no_suite(text: str, message: str) -> None:
    with pytest.raises(BackpropError, match=message) as caught:
        read_suite(text, "suite")
    assert caught.value.status == 2


# ---- the command ----


def test_text(backprop: Run, suite: Path) -> None:
    done = backprop("check", "--suite", str(suite))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "ok    lesson",
        "FAIL  hash # back\\slash",
        "      a = -15: expected -15, got 15: opposite sign",
        "ERROR no value",
        "      log needs an operand > 0, got x = -1 in 'log(x)'",
        "ERROR log(x",
        "      this ( is never closed in 'log(x'",
        "ok    σ",
        "5 cases: 2 passed, 1 failed, 2 in error",
    ]


def test_json(backprop: Run, suite: Path) -> None:
    record = json.loads(backprop("check", "--suite", str(suite), "--json").stdout)
    jsonschema.validate(record, json.loads(schema_text("suite")))
    assert [case["status"] for case in record["cases"]] == STATUSES
    assert (record["passed"], record["failed"], record["errors"]) == (2, 1, 2)


def test_tap_is_read_by_a_parser(backprop: Run, suite: Path) -> None:
    text = backprop("check", "--suite", str(suite), "--format", "tap").stdout
    assert text.startswith("TAP version 13\n")
    # The parser knows version 13, of which 14 is a superset.
    lines = list(tap.parser.Parser().parse_text(text))
    tests = [line for line in lines if line.category == "test"]
    assert [test.ok for test in tests] == [status == "pass" for status in STATUSES]
    assert [test.description for test in tests][::4] == ["- lesson", "- σ"]
    assert not any(test.skip or test.todo for test in tests)
    assert tests[1].yaml_block["expectations"][0]["diagnosis"] == "opposite sign"
    assert [line.expected_tests for line in lines if line.category == "plan"] == [5]
    assert not [line for line in lines if line.category == "unknown"]


@pytest.mark.skipif(shutil.which("prove") is None, reason="prove is not installed")
def test_tap_is_read_by_prove(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "good.jsonl"
    path.write_text('{"program": "a*b # todo", "inputs": {"a": 2, "b": 3}, "expect": {"a": 3}}\n' * 3)
    output = tmp_path / "out.tap"
    output.write_text(backprop("check", "--suite", str(path), "--format", "tap").stdout)
    done = subprocess.run(
        ["prove", "--exec", "cat", str(output)], capture_output=True, text=True, check=False
    )
    assert "Result: PASS" in done.stdout
    assert "Tests=3" in done.stdout


def test_junit_is_read_by_a_parser(backprop: Run, suite: Path) -> None:
    text = backprop("check", "--suite", str(suite), "--format", "junit").stdout
    document = junitparser.JUnitXml.fromstring(text.encode())
    (cases,) = document
    assert (cases.name, cases.tests, cases.failures, cases.errors) == ("gradients", 5, 1, 2)
    assert [case.name for case in cases] == NAMES
    kinds = [[type(r).__name__ for r in case.result] for case in cases]
    assert kinds == [[], ["Failure"], ["Error"], ["Error"], []]
    assert "opposite sign" in next(iter(list(cases)[1].result)).text


def test_cases_of_one_name_have_names_of_their_own_in_junit(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    case = '{"name": "%s", "program": "a*b", "inputs": {"a": 2, "b": 3}, "expect": {"a": 3}}\n'
    path.write_text("".join(case % name for name in ("p", "p (2)", "p", "q", "p")))
    text = backprop("check", "--suite", str(path), "--format", "junit").stdout
    (cases,) = junitparser.JUnitXml.fromstring(text.encode())
    assert [case.name for case in cases] == ["p", "p (2)", "p (3)", "q", "p (4)"]


NASTY = "".join(map(chr, [*range(1, 32), 0x7F, 0x85, 0xD800, 0xFFFE, 0x1F600])) + "<&\"']]>#\\"


def test_nasty_names_break_no_form() -> None:
    result = run_case(read_suite(json.dumps({"name": NASTY, "program": NASTY}), "s")[0], DEFAULT)
    assert result.status == "error"
    text = junit_xml([result], NASTY, "2000-01-01T00:00:00")
    junitparser.JUnitXml.fromstring(text.encode())
    lines = list(tap.parser.Parser().parse_text("TAP version 13\n" + tap_point(1, result) + "1..1\n"))
    assert [line.category for line in lines] == ["version", "test", "plan"]


def test_first_failure_stops(backprop: Run, suite: Path) -> None:
    done = backprop("check", "--suite", str(suite), "-x")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "2 cases: 1 passed, 1 failed"


def test_selection(backprop: Run, suite: Path) -> None:
    done = backprop("check", "-k", "LESS", "--suite", str(suite))
    assert (done.returncode, done.stdout) == (0, "ok    lesson\n1 case: 1 passed\n")
    done = backprop("check", "--suite", str(suite), "-k", "nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert "has 'nothing' in its name" in done.stderr


def test_quiet_and_standard_input(backprop: Run) -> None:
    done = backprop("check", "--suite", "-", "--quiet", stdin=SUITE)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_options_are_defaults_of_the_cases(backprop: Run) -> None:
    case = '{"program": "a*b", "inputs": {"a": 2, "b": 2}, "expect": {"a": "a"}}'
    assert backprop("check", "--suite", "-", stdin=case).returncode == 1
    assert backprop("check", "--suite", "-", "--points", "0", stdin=case).returncode == 0


def test_nothing_beside_a_suite(backprop: Run, suite: Path) -> None:
    for extra in (["a*b"], ["--expect", "a=1"], ["--wrt", "a"], ["--upstream", "2"], ["--file", "x"]):
        done = backprop("check", "--suite", str(suite), *extra)
        assert done.returncode == 2
        assert "a suite has its own programs" in done.stderr


def test_results_come_one_by_one() -> None:
    first, rest = '{"program": "a", "inputs": {"a": 1}}\n', '{"program": "b", "inputs": {"b": 1}}\n' * 50
    with subprocess.Popen(
        [str(BIN / "backprop"), "check", "--suite", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(first + rest)
        process.stdin.close()
        assert process.stdout.readline() == "ok    a\n"
        process.stdout.read()
    assert process.returncode == 0


# ---- saving ----


def test_saved_cases_pass(backprop: Run, tmp_path: Path) -> None:
    for name in ("grown.toml", "grown.jsonl"):
        path = tmp_path / name
        for arguments in (
            ["(a*b+c)*f", "a=2", "b=3", "c=-10", "f=5"],
            ["(1 - cos(x))/x^2", "x=1e-7"],
            ["relu(x)*β", "x=0", "β=2", "--upstream", "10"],
            ["x*value + y", "x=1/3", "value=2", "y=1", "--wrt", "x,value"],
            ["a = 2 # two\nb = a^2; b", "--no-check", "--quiet"],
        ):
            done = backprop("grad", *arguments, "--save-case", str(path))
            assert done.returncode == 0, done.stderr
        done = backprop("check", "--suite", str(path))
        assert done.returncode == 0, done.stdout
        assert done.stdout.splitlines()[-1] == "5 cases: 5 passed"


def test_only_what_was_computed_is_saved(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    assert backprop("grad", "sqrt(x)", "x=0", "--save-case", str(path)).returncode == 3
    assert backprop("grad", "log(x)", "x=0", "--save-case", str(path)).returncode == 3
    assert not path.exists()


def test_a_file_that_is_no_suite_is_left_alone(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "notes.toml"
    path.write_text("title = 'mine'\n")
    done = backprop("grad", "a", "a=1", "--save-case", str(path), "--quiet")
    assert done.returncode == 2
    assert "has 'title' outside a case" in done.stderr
    assert path.read_text() == "title = 'mine'\n"
    done = backprop("grad", "a", "a=1", "--save-case", str(tmp_path / "no" / "folder.toml"))
    assert done.returncode == 2
    assert "can't write" in done.stderr
    assert "\n[[case]]" not in done.stderr


def test_a_full_disk_leaves_the_suite_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text(SUITE, encoding="utf-8")
    before = path.read_bytes()
    for room in (0, 30):
        limit = len(before) + room

        done = subprocess.run(
            [str(BIN / "backprop"), "grad", "a*b", "a=1", "b=2", "--save-case", str(path), "--quiet"],
            capture_output=True,
            # A module that is compiled now would be cut off, too.
            env=environment(PYTHONDONTWRITEBYTECODE="1"),
            text=True,
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
            check=False,
        )
        assert done.returncode == 2
        assert f"can't write {path}: " in done.stderr
        assert path.read_bytes() == before


def test_a_device_is_no_suite(backprop: Run) -> None:
    done = backprop("grad", "a", "a=1", "--save-case", "/dev/null", "--quiet")
    assert done.returncode == 2
    assert "/dev/null is not a file" in done.stderr


@given(
    st.dictionaries(
        st.from_regex(r"\A[a-zα-ω_][a-zα-ω0-9_]{0,5}\Z").filter(lambda n: n not in ("pi", "π", "tau", "ς")),
        st.floats(-1e300, 1e300),
        min_size=1,
        max_size=4,
    ),
    st.booleans(),
)
def test_what_is_saved_is_what_was_computed(point: dict[str, float], as_json: bool) -> None:
    import tempfile

    program = '# "quoted" \\ \x7f\t\n' + " + ".join(point)
    try:
        report = gradient(program, point, check=False)
    except BackpropError:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("s.jsonl" if as_json else "s.toml")
        append_case(path, report)
        append_case(path, report)
        for case in read_suite(path.read_text(encoding="utf-8"), "s"):
            assert case.keys["program"] == report.program
            assert case.keys["inputs"] == report.inputs
            assert run_case(case, DEFAULT, check=False).status == "pass"
