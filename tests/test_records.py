"""Records: frozen, compared by value, pickled, printed in few words; and statuses whose text is JSON's."""

from __future__ import annotations

import copy
import json
import math
import pickle
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace

import numpy as np
import pytest

from backprop_cli import Report, compile_rows, gradient
from backprop_cli.batch.rowwise import RowResults
from backprop_cli.batch.tally import RowStatus
from backprop_cli.expect.criteria import Criteria
from backprop_cli.expect.expectations import Expectation, read_expectation
from backprop_cli.expect.suite import Case, CaseResult, read_suite, run_case
from backprop_cli.expect.verdict import Elsewhere, Settled, Verdict, Verification
from backprop_cli.expect.verify import verify_source
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import Failure
from backprop_cli.language.source import read_source
from backprop_cli.record import Record
from backprop_cli.report import Check, GradientCheck, KinkRecord, NodeRecord, Outcome
from backprop_cli.tell.limits import Limit, difference_quotients
from backprop_cli.tell.paths import Paths, find_paths
from backprop_cli.tell.stats import GraphStats, count_graph
from backprop_cli.tell.story import Story, tell


def report() -> Report:
    """Return a report with a kink and a gradient that does not exist."""
    return gradient("y = relu(a - 2) + sqrt(x)*sqrt(x)*0; y*b", a=2, b=3, x=0)


def verification() -> Verification:
    source = read_source("a*b")
    claims = [read_expectation(text, source) for text in ("a=b", "b=a + (a - 2)", "value=7")]
    return verify_source(source, {"a": 2.0, "b": 3.0}, claims)


def case_result() -> CaseResult:
    (case,) = read_suite('{"program": "a*b", "inputs": {"a": 2}, "expect": {"a": 3}}', "s.jsonl")
    return replace(run_case(case, Criteria()), seconds=0.0)


MAKERS = {
    Report: report,
    NodeRecord: lambda: report().nodes[3],
    KinkRecord: lambda: next(node.kink for node in report().nodes if node.kink),
    Check: lambda: report().check,
    GradientCheck: lambda: report().check.gradients["a"],
    Verification: verification,
    Verdict: lambda: verification().verdicts[2],
    Elsewhere: lambda: verification().verdicts[1].elsewhere,
    Expectation: lambda: read_expectation("a=b*2", read_source("a*b")),
    Criteria: Criteria,
    Case: lambda: read_suite('{"program": "a*b"}', "s.jsonl")[0],
    CaseResult: case_result,
    Story: lambda: tell(report()),
    Paths: lambda: find_paths(gradient("a*a", a=3), "a"),
    Limit: lambda: next(difference_quotients(gradient("y = a*a", a=3), "y")),
    GraphStats: lambda: count_graph(lower_source(read_source("a*a")), ["a"]),
    RowResults: lambda: compile_rows("log(a)")({"a": [1.0, -1.0]}),
}


@pytest.fixture(params=MAKERS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[Record]:
    return request.param


def test_a_record_is_a_frozen_dataclass(kind: type[Record]) -> None:
    record = MAKERS[kind]()
    assert type(record) is kind
    assert is_dataclass(record)
    assert list(vars(record)) == [field.name for field in fields(record)]
    with pytest.raises(FrozenInstanceError):
        setattr(record, fields(record)[0].name, None)
    with pytest.raises(FrozenInstanceError):
        delattr(record, fields(record)[0].name)


def test_a_record_equals_what_is_made_copied_or_pickled_alike(kind: type[Record]) -> None:
    record = MAKERS[kind]()
    assert record == MAKERS[kind]()
    assert record == copy.deepcopy(record)
    assert record == pickle.loads(pickle.dumps(record))
    assert record != object()


def test_a_record_with_another_field_is_another(kind: type[Record]) -> None:
    record = MAKERS[kind]()
    for field in fields(record):
        assert record != replace(record, **{field.name: "something else"})


def test_a_record_is_printed_in_few_words(kind: type[Record]) -> None:
    record = MAKERS[kind]()
    assert repr(record).startswith(f"{kind.__name__}(")
    assert len(repr(record)) < 1600
    assert " object at 0x" not in repr(record)


def test_repr_leaves_out_defaults_and_what_is_long() -> None:
    assert repr(GradientCheck(Outcome.PASS, "b*f", "15.0", 16)) == (
        "GradientCheck(status='pass', formula='b*f', value='15.0', digits=16)"
    )
    inputs = {f"x{i}": float(i) for i in range(1000)}
    told = repr(Elsewhere(inputs, 1.0, 2.0))
    assert told.startswith(
        "Elsewhere(inputs={'x0': 0.0, 'x1': 1.0, 'x2': 2.0, 'x3': 3.0, … 1,000 in all}, exp"
    )
    rows = compile_rows("a*a")({"a": np.arange(1000.0)})
    assert repr(rows).startswith("RowResults(value=array([0.0, 1.0, 4.0, 9.0, … 1,000 in all]), gradients={")


def test_nan_equals_nan_but_no_number() -> None:
    known = Elsewhere({"a": math.nan}, math.nan, 1.0)
    assert known == Elsewhere({"a": float("nan")}, float("nan"), 1.0)
    assert known != Elsewhere({"a": math.nan}, 0.0, 1.0)
    kinks = [KinkRecord("none", (float("nan"),), (1.0,)) for _ in range(2)]
    assert len(set(kinks)) == 1


def test_a_record_is_made_of_its_fields_each_once() -> None:
    for values, named in [("", {}), ("abcd", {}), ("ab", {}), ("abc", {"got": 3}), ("abc", {"no": 3})]:
        with pytest.raises(TypeError, match="Elsewhere takes inputs, expected, got, each once"):
            Elsewhere(*values, **named)


def test_the_nodes_of_a_big_program_are_pickled_and_printed() -> None:
    count = 20_000
    program = "; ".join(["y0 = x", *(f"y{i} = y{i - 1}*x + 1" for i in range(1, count))])
    big = gradient(program, x=0.5, check=False)
    told = repr(big)
    assert len(told) < 600
    assert f"nodes=<{2 * count - 1:,} nodes: x, v1, y1, v2, y2, v3, y3, v4, y4, v5, …>" in told
    data = pickle.dumps(big)
    assert len(data) < 200 * len(big.nodes)
    again = pickle.loads(data)
    assert (again.nodes[777], again.nodes[-1]) == (big.nodes[777], big.nodes[-1])
    assert again.gradients == big.gradients


def test_nodes_equal_any_sequence_of_the_same_records() -> None:
    nodes = report().nodes
    assert nodes == tuple(nodes)
    assert tuple(nodes) == nodes
    assert nodes != tuple(nodes)[:-1]
    assert nodes != gradient("a*b", a=1, b=2).nodes
    assert nodes != 3


@pytest.mark.parametrize("words", [Outcome, Failure, RowStatus, Settled])
def test_statuses_are_their_text(words: type[Outcome]) -> None:
    for word in words:
        assert json.dumps(word) == f'"{word.value}"'
        assert f"{word}" == str(word) == word.value == word
        assert repr(word) == repr(word.value)
        assert pickle.loads(pickle.dumps(word)) is word


def test_at_a_kink_is_a_fact_of_the_record() -> None:
    found = report().check.gradients["a"]
    assert found.at_kink
    assert not replace(found, at_kink=False).at_kink
