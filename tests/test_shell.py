"""What docs/shell.md proposes as files: a suite, a Makefile, hooks, steps of CI; each does its work."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from console import ROOT, environment

BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$",
    (ROOT / "docs" / "shell.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)


def block(language: str, word: str) -> str:
    """Return the block that has the word."""
    (found,) = (text for kind, text in BLOCKS if kind == language and word in text)
    return str(found)


SUITE = block("toml", "[[case]]")
WRONG = SUITE.replace("a = 15", "a = -15")


def run(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, as a user without settings of his own."""
    nothing = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    kept = {name: value for name, value in environment().items() if not name.startswith("GIT_")}
    return subprocess.run(
        command,
        cwd=folder,
        env={**kept, **nothing},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the suite of the page."""
    (tmp_path / "gradients.toml").write_text(SUITE, encoding="utf-8")
    return tmp_path


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def test_every_block_is_of_a_kind_that_is_run() -> None:
    # Those of the console are run by test_readme.py.
    kinds = [kind for kind, _ in BLOCKS if kind != "console"]
    assert sorted(kinds) == ["make", "sh", "toml", "yaml", "yaml"]


def test_the_suite_is_the_one_of_the_examples() -> None:
    assert (ROOT / "docs" / "gradients.toml").read_text(encoding="utf-8") == SUITE


@needs("make")
def test_make_trains_only_what_is_right(folder: Path) -> None:
    (folder / "Makefile").write_text(block("make", "check-gradients"), encoding="utf-8")
    (folder / "train.py").write_text("print('trained')\n", encoding="utf-8")
    done = run(folder, ["make", "train"])
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "trained")
    (folder / "gradients.toml").write_text(WRONG, encoding="utf-8")
    done = run(folder, ["make", "train"])
    assert done.returncode == 2
    assert "trained" not in done.stdout


@needs("git")
def test_the_hook_keeps_a_wrong_gradient_out(folder: Path) -> None:
    run(folder, ["git", "init", "--quiet"])
    hook = folder / ".git" / "hooks" / "pre-commit"
    hook.write_text(block("sh", "exec backprop"), encoding="utf-8")
    hook.chmod(0o755)
    commit = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "a"]
    run(folder, ["git", "add", "gradients.toml"])
    done = run(folder, commit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (folder / "gradients.toml").write_text(WRONG, encoding="utf-8")
    run(folder, ["git", "add", "gradients.toml"])
    assert run(folder, commit).returncode == 1
    assert run(folder, ["git", "rev-list", "--count", "HEAD"]).stdout == "1\n"


def test_the_hook_of_pre_commit(folder: Path) -> None:
    (repo,) = yaml.safe_load(block("yaml", "repos:"))["repos"]
    (hook,) = repo["hooks"]
    assert (repo["repo"], hook["language"], hook["pass_filenames"]) == ("local", "system", False)
    assert run(folder, shlex.split(hook["entry"])).returncode == 0
    assert [bool(re.search(hook["files"], name)) for name in ("gradients.toml", "model/a.py", "a.py")] == [
        True,
        True,
        False,
    ]
    (folder / "gradients.toml").write_text(WRONG, encoding="utf-8")
    assert run(folder, shlex.split(hook["entry"])).returncode == 1


def test_the_steps_of_the_workflow(folder: Path) -> None:
    verify, publish = yaml.safe_load(block("yaml", "run:"))
    assert run(folder, ["bash", "-e", "-c", verify["run"]]).returncode == 0
    assert publish["if"] == "always()"
    report = (folder / publish["with"]["path"]).read_text(encoding="utf-8")
    assert 'name="gradients" tests="2" failures="0"' in report
    (folder / "gradients.toml").write_text(WRONG, encoding="utf-8")
    assert run(folder, ["bash", "-e", "-c", verify["run"]]).returncode == 1
