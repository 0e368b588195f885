"""``quiz`` in a terminal, and ``quiz --mark``."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import jsonschema
import pytest

from backprop_cli.schemas import schema_text
from conftest import Run
from console import BIN, environment, read_terminal

PROGRAM = ("p = a*b; L = p + c", "a=2", "b=3", "c=4")


def typed(keys: str, *words: str) -> str:
    """Return what the quiz writes to a terminal in which these keys are typed."""
    parent, child = pty.openpty()
    command = [str(BIN / "backprop"), "quiz", *words]
    with subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environment()) as process:
        os.close(child)
        os.write(parent, keys.encode())
        written = read_terminal(parent)
        assert process.wait(60) == 0
    assert "Traceback" not in written
    return written.replace("\r\n", "\n")


def test_a_terminal_asks_one_question_at_a_time_with_a_second_try() -> None:
    told = typed("6\n10\n1\n1\n1\n2\nx\n6\n5\n", *PROGRAM)
    assert "p = a*b = ?" in told
    assert "no, it is 3" in told
    assert "a number is asked for" in told
    assert "5 of 6 right, 1 of them at the second try\n" in told


def test_the_score_counts_second_tries_and_what_is_left() -> None:
    assert "2 of 6 right, 1 of them at the second try; 4 not answered" in typed("5\n6\n10\n\x04", *PROGRAM)


def test_an_end_at_once_is_a_score_of_nothing() -> None:
    assert "0 of 6 right; 6 not answered" in typed("\x04", *PROGRAM)


@pytest.fixture
def key(backprop: Run, tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    assert backprop("quiz", *PROGRAM, "--key", str(path)).returncode == 0
    return path


def marked(backprop: Run, key: Path, answers: str, form: str = "json") -> subprocess.CompletedProcess[str]:
    path = key.with_name("answers.csv")
    path.write_text(answers, encoding="utf-8")
    return backprop("quiz", "--key", str(key), "--mark", str(path), "--format", form)


def test_one_slip_costs_one_point(backprop: Run, key: Path) -> None:
    done = marked(
        backprop,
        key,
        "student,value:p,value:L,p,c,b,a\n"
        "Ada,6,10,1,1,2,3\n"
        "Bob,6,10,2,1,4,6\n"  # b and a follow from the 2 at p
        "Cy,5,9,1,1,3,2\n"  # b and a exchanged, and L follows from p
        "Di,,,,,,\n"
        "Ed,6,p + c,1,1,2,three\n",
    )
    assert (done.returncode, done.stderr) == (1, "")
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(schema_text("marks")))
    found = [(m["student"], m["points"], m["missing"], m["slip"]) for m in record["marks"]]
    assert found == [
        ("Ada", 6, 0, ""),
        ("Bob", 5, 0, "p = 2"),
        ("Cy", 3, 0, "value:p = 5"),
        ("Di", 0, 6, ""),
        ("Ed", 4, 0, "value:L = p + c"),
    ]
    assert {m["most"] for m in record["marks"]} == {6}


def test_all_right_is_status_0_and_forms_say_the_same(backprop: Run, key: Path) -> None:
    answers = "student;value:p;value:L;p;c;b;a\nÖ, A;6;10;1;1;2;3\n"
    assert marked(backprop, key, answers).returncode == 0
    assert '"Ö, A",1,6,6,0,,\n' in marked(backprop, key, answers, "csv").stdout
    assert "6 of 6" in marked(backprop, key, answers, "text").stdout


def test_the_table_of_answers_is_what_mark_reads(backprop: Run, tmp_path: Path) -> None:
    key, recipe = tmp_path / "key.json", ("--count", "3", "--seed", "5", "--ops", "+ * max")
    assert backprop("quiz", *recipe, "--key", str(key)).returncode == 0
    empty = backprop("quiz", *recipe, "--format", "csv").stdout
    header, *rows = empty.splitlines()
    assert [row.strip(",") for row in rows] == ["1", "2", "3"]
    right = backprop("quiz", *recipe, "--format", "csv", "--answers").stdout.replace("\n,", "\nAda,")
    assert right.startswith(header)
    assert marked(backprop, key, right).returncode == 0
    two = "\n".join([*right.splitlines()[:3], rows[2]])  # the third sheet was not handed in
    assert [m["points"] for m in json.loads(marked(backprop, key, two).stdout)["marks"]] == [7, 7]
    assert marked(backprop, key, empty).returncode == 2


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ("name,a\nAda,3\n", "has no column student"),
        ("", "has no column student"),
        ("student,a,a\nAda,3,3\n", "has the column 'a' twice"),
        ("student,a\nAda,3,4\n", "row 1 has more cells"),
        ("student,z\nAda,3\n", "answers 'z', which problem 1 does not ask"),
        ("student,problem,a\nAda,2,3\n", "row 1 is of problem '2'"),
    ],
)
def test_wrong_tables_are_told(backprop: Run, key: Path, answers: str, told: str) -> None:
    done = marked(backprop, key, answers)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "backprop/quiz@1", "problems": [{}]}', "[" * 9999]
)
def test_a_file_that_is_no_key_is_told(backprop: Run, key: Path, text: str) -> None:
    key.write_text(text, encoding="utf-8")
    done = marked(backprop, key, "student,a\nAda,3\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no key" in done.stderr


def test_a_sheet_of_one_program_is_marked_without_a_key(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("student,b,p,value\nAda,2,1,10\nBob,4,2,10\nCy,,,x\n", encoding="utf-8")
    done = backprop("check", *PROGRAM, "--sheet", str(path), "--format", "json")
    assert (done.returncode, done.stderr) == (1, "")
    found = [(m["points"], m["missing"], m["slip"]) for m in json.loads(done.stdout)["marks"]]
    assert found == [(3, 0, ""), (2, 0, "p = 2"), (0, 2, "value = x")]


@pytest.mark.parametrize(
    ("words", "answers", "told"),
    [
        ([], "student,z\nAda,1\n", "z is not a node of the program"),
        ([], "student,a\n", "has no student"),
        ([], "student,a\n,\n,\n", "has no student"),
        ([], "student,a\nAda,1\n,2\n", "row 2 names no student"),
        (["--format", "tap"], "student,a\nAda,1\n", "marks are not written as tap"),
        (["--hint", "1"], "student,a\nAda,1\n", "--hint and --sheet contradict each other"),
    ],
)
def test_wrong_sheets_are_told(backprop: Run, words: list[str], answers: str, told: str) -> None:
    done = backprop("check", *PROGRAM, "--sheet", "-", *words, stdin=answers)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


ARRAYS = ("u = w*x; L = sum(u) + b", "w=[1,2]", "x=[4,-4]", "b=1")
WRITTEN = {  # the same answers: in columns of elements, in cells of arrays, in JSON and JSON Lines
    "elements": "student,w[0],w[1],value:u[0],value:u[1],b\nAda,4,-4.0,4,-8,1\nBo,4,4,,,x",
    "arrays": 'student,w,value:u,b\nAda,"[4, -4.0]","[4,-8]",1\nBo,"[4,4]",,x',
    "semicolons": "\ufeffstudent;w;value:u;b;;\nAda;[4,-4.0];[4,-8];1,0;;\nBo;[4,4];;x;;\n;;;;;",
    "tabs": "student\tw\tvalue:u\tb\nAda\t[4,-4.0]\t[4,-8]\t1\nBo\t[4,4]\t\tx",
    "json": '[{"student": "Ada", "w": [4, -4.0], "value:u": [4, -8], "b": 1},'
    ' {"student": "Bo", "w": "[4,4]", "value:u": null, "b": "x"}]',
    "lines": '{"student": "Ada", "w": [4, -4.0], "value:u": [4, -8], "b": 1}\n'
    '{"student": "Bo", "b": "x", "w": [4, 4]}\n',
}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_sheet_may_have_arrays_and_may_be_json(backprop: Run, written: str) -> None:
    done = backprop("check", *ARRAYS, "--sheet", "-", "--format", "json", stdin=WRITTEN[written])
    assert (done.returncode, done.stderr) == (1, "")
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(schema_text("marks")))
    ada, bo = record["marks"]
    assert (ada["points"], ada["most"], ada["slip"]) == (5, 5, "")
    # What x means can be read, but x is an array and b a number.
    assert (bo["points"], bo["most"], bo["missing"]) == (1, 5, 2)
    status = {answer["name"]: answer["status"] for answer in bo["answers"]}
    assert status == {
        "value:u[0]": "missing", "value:u[1]": "missing", "b": "unread", "w[0]": "right", "w[1]": "wrong"
    }  # fmt: skip


def test_what_follows_is_told_and_what_can_t_be_read(backprop: Run) -> None:
    answers = '{"student": "A", "p": 2, "a": 6, "b": "1/0", "c": "1,5"}'
    done = backprop("check", *PROGRAM, "--sheet", "-", "--json", stdin=answers)
    found = {a["name"]: a for a in json.loads(done.stdout)["marks"][0]["answers"]}
    assert found["a"]["follows"] == ["p"]
    assert found["b"]["reason"] == "1/0 has no finite value"
    assert found["c"]["status"] == "unread"  # in JSON a comma is never decimal


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ("student,w[0],w\nA,1,1\n", "the columns 'w[0]' and 'w' are of the same"),
        ("student,b,grad:b\nA,1,1\n", "the columns 'b' and 'grad:b' are of the same"),
        ("student\nA\n", "has no column of answers"),
        ("student,w\nA,[1,2]\n", 'stands in quotes: "[1, 2]"'),
        ('[{"student": "A", "b": 1, "b": 2}]', "has the column 'b' twice"),
        ('[{"student": "A", ', "is no JSON"),
        ("[" * 9999, "is no JSON"),
        ("[3]", "a row is no object"),
        ("[]", "has no student"),
        ('[{"student": "A", "b": true}]', "an answer is a number, a text or a list of numbers"),
        ('[{"student": "A", "w": [{}]}]', "an answer is a number, a text or a list of numbers"),
        ('[{"student": null, "b": 1}]', "row 1 names no student"),
    ],
)
def test_wrong_sheets_with_arrays_are_told(backprop: Run, answers: str, told: str) -> None:
    done = backprop("check", *ARRAYS, "--sheet", "-", stdin=answers)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
