"""`gatewise run`: the program is its own, and torch is patched in it and in its children."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gatewise.programs import launching

PROGRAM = """
import multiprocessing, os, subprocess, sys

def call(_=0):
    import torch
    with torch.no_grad():
        torch.nn.GRU(3, 8)(torch.randn(60, 2, 3))
        torch.nn.GRU(3, 8)(torch.randn(1, 1, 3))

if __name__ == "__main__":
    ours = [path for path in sys.path if path.endswith("programs/site")]
    print(sys.argv[1:], os.path.basename(os.getcwd()), ours)
    call()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        pool.map(call, [0])
        pool.close()
        pool.join()
    child = "import torch; torch.set_grad_enabled(False); torch.nn.LSTM(3, 8)(torch.randn(60, 2, 3))"
    subprocess.run([sys.executable, "-c", child], check=True)
    sys.exit(7)
"""
OLD_TORCH = "__version__ = '2.3.1+cpu'\n"


def run(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gatewise", "run", *map(str, words)]
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def written(folder: Path, text: str, name: str = "script.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_program_and_its_children_are_patched_and_their_own(tmp_path: Path) -> None:
    script = written(tmp_path, PROGRAM)
    report = tmp_path / "report.json"
    done = run("--report", report, script, "--report", "b c", cwd=tmp_path)
    assert done.stdout == f"['--report', 'b c'] {tmp_path.name} []\n"
    assert done.stderr == ""
    assert done.returncode == 7
    found = json.loads(report.read_text())
    assert found["processes"] == 3
    calls = {(row["operator"], row["shape"][0], bool(row["left"])): row for row in found["calls"]}
    assert {key: row["calls"] for key, row in calls.items()} == {
        ("gru.input", 60, False): 2,
        ("gru.input", 1, True): 2,
        ("lstm.input", 60, False): 1,
    }
    taken = calls["gru.input", 60, False]
    assert taken["timed_calls"] == 2
    assert taken["torch_seconds"] > 0
    assert 0 < taken["seconds"] < found["seconds"]


def test_what_a_program_without_torch_says_is_its_own(tmp_path: Path) -> None:
    text = "import sys; print(sys.path[0]); sys.stderr.write('e'); sys.exit('why')"
    done = run("--report", written(tmp_path, text), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, f"{tmp_path}\n", "ewhy\n")


def test_a_sitecustomize_of_before_runs_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "import builtins\nbuiltins.theirs = 'ran'\n", "sitecustomize.py")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    command = [sys.executable, "-c", "import sys, sitecustomize as s; print(theirs, s.__file__)"]
    done = subprocess.run(
        command,
        env=launching.environment(launching.Asked("", False, "", 0, [])),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"ran {tmp_path / 'sitecustomize.py'}\n"


def test_a_torch_that_is_too_old_is_told_once(tmp_path: Path) -> None:
    written(tmp_path, OLD_TORCH, "torch.py")
    script = written(
        tmp_path,
        "import subprocess, sys, torch\nprint('on')\n"
        "subprocess.run([sys.executable, '-c', 'import torch'], check=True)\n",
    )
    done = run(script, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "on\n")
    assert done.stderr == (
        "gatewise: the program runs unpatched: its torch 2.3.1+cpu is older than 2.6, which gatewise "
        "needs\n"
    )


def test_a_python_without_gatewise_says_so(tmp_path: Path) -> None:
    written(tmp_path, "__version__ = '2.9.0'\n", "torch.py")
    hidden = (
        "import sys\nclass Hide:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'gatewise': raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hide())\nimport torch\nprint('on')\n"
    )
    done = run(written(tmp_path, hidden), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "on\n")
    assert done.stderr == (
        f"gatewise: the program runs unpatched: {sys.executable} has no gatewise; install gatewise "
        "beside the program's torch\n"
    )


def test_modules_commands_and_signals(tmp_path: Path) -> None:
    assert run("-m", "this", cwd=tmp_path).stdout.startswith("The Zen of Python")
    assert run("echo", "-m", "hello", cwd=tmp_path).stdout == "-m hello\n"
    killed = written(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert run(killed, cwd=tmp_path).returncode == -signal.SIGTERM


CHANGES = """
import os, signal, sys, threading, torch
torch.set_default_dtype(torch.float64)
def call():
    with torch.no_grad():
        return torch.nn.GRU(3, 8)(torch.randn(60, 2, 3))[0]
assert call().dtype is torch.float64
torch.set_default_device("meta")
assert call().is_meta
torch.set_default_device("cpu")
thread = threading.Thread(target=call)
thread.start()
child = os.fork()
if child == 0:
    call()
    os._exit(3)
thread.join()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
theirs = torch.library.Library("aten", "IMPL")
theirs.impl("gru.input", lambda *_: (torch.ones(1), torch.ones(1)), "CPU")
with torch.inference_mode():
    assert call().shape == (1,)
theirs._destroy()
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_program_may_change_defaults_fork_after_threads_and_patch_torch(tmp_path: Path) -> None:
    done = run("--check", "--trace", "t", written(tmp_path, CHANGES), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "")
    # torch warns of who replaces kernels; of gatewise there is no word
    assert "gatewise:" not in done.stderr
    assert "Error" not in done.stderr
    assert list((tmp_path / "t").iterdir()) == []


CHILDREN = """
import sys, joblib, multiprocessing
def call(_):
    import torch
    from gatewise.engines.aside import is_patched
    return is_patched()
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(call, [0]), joblib.Parallel(n_jobs=2)([joblib.delayed(call)(0)]))
"""


def test_spawned_children_and_joblibs_inherit_it(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    done = run(written(tmp_path, CHILDREN), cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[True] [True]\n", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "which program?"),
        (["-m"], "-m needs a module"),
        (["--repot", "x"], "no option '--repot' before the program"),
        (["--check=no", "x"], "no option '--check=no' before the program"),
        (["--trace"], "--trace needs a value"),
        (
            ["--trace-budget", "1e3", "x"],
            "--trace-budget is a whole number of megabytes, 1 or more",
        ),
        (["--trace-budget=0", "x"], "--trace-budget is a whole number of megabytes, 1 or more"),
        (["--trace", "folder", "echo"], "--trace folder is not empty: name another folder"),
        (["--trace", "data.csv", "echo"], "--trace data.csv cannot be made: File exists"),
        (["nosuch"], "no program 'nosuch'"),
        (
            ["folder"],
            "folder is a folder, not a program; for a run of gatewise: gatewise inspect folder",
        ),
        (["data.csv"], "data.csv is neither a Python file nor a program that may be executed"),
        (["./broken"], "./broken cannot be run: Exec format error"),
    ],
)
def test_what_is_no_program_is_refused(
    words: Sequence[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "folder").mkdir()
    written(tmp_path / "folder", "", "something")
    written(tmp_path, "a,b\n", "data.csv")
    written(tmp_path, "\0\1", "broken").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for name in ("SIGPIPE", "SIGXFSZ"):  # which it resets
        monkeypatch.delattr(signal, name, raising=False)
    assert launching.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"gatewise: error: run: {told}")
    assert err.count("\n") == 1


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert launching.main(["--help"]) == 0
    assert "--report FILE.json" in capsys.readouterr().out
