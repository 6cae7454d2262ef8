"""A run folder has one writer, one model, and no training that is stuck in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.tables import QUICK, Outcome, files_under, quick, table_text

Call = Callable[..., Outcome]
HOLDER = """
import fcntl, json, os, sys
handle = os.open("run/.lock", os.O_RDWR | os.O_CREAT)
fcntl.flock(handle, fcntl.LOCK_EX)
os.write(handle, json.dumps({"pid": os.getpid(), "host": "mill", "since": "noon"}).encode())
print("held", flush=True)
sys.stdin.read()
"""
HUGE = [f"{k % 7}e25" for k in range(150)]


@contextmanager
def held() -> Iterator[subprocess.Popen[str]]:
    """Hold the lock of the folder "run" in another process, as a running fit does; then kill it."""
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.kill()


def refused(outcome: Outcome, *fragments: str) -> None:
    assert outcome.code == 2, outcome
    assert outcome.err.count("\n") == 1
    for fragment in fragments:
        assert fragment in outcome.err


def test_one_process_at_a_time_writes_to_a_run_and_others_read_it(
    copied_run: Path, call: Call, table: Path
) -> None:
    new = ["--out", "run", "--overwrite"]
    writers: list[list[object]] = [
        ["fit", table, *QUICK, *new],
        ["continue", "run", table, *new],
        ["retrain", "run", table, *new],
        ["resume", "run"],
        ["inspect", "run"],
        ["fit", table, *QUICK, "--out", "run/../run", "--overwrite"],
    ]
    Path("link").symlink_to("run")
    with held() as holder:
        before = files_under(Path("run"))
        for words in [*writers, ["fit", table, *QUICK, "--out", "link", "--overwrite"]]:
            refused(call(*words), f"process {holder.pid} on mill since noon")
        assert call("predict", "run", table, "--out", "out.csv").code == 0
        assert call("evaluate", "run").code == 0
        assert files_under(Path("run")) == before
    assert Path("run/.lock").exists()  # its holder was killed
    assert call("predict", "run", table, "--out", "out.csv", "--overwrite").code == 0
    assert not Path("run/.lock").exists()
    assert call(*writers[0], "--quiet").code == 0


def test_a_lock_is_for_other_threads_too_and_not_for_the_callees(tmp_path: Path) -> None:
    import threading  # noqa: PLC0415

    from gatewise.errors import FileError  # noqa: PLC0415
    from gatewise.estimators.run.lock import locked  # noqa: PLC0415

    seen: list[str] = []

    def other() -> None:
        try:
            with locked(tmp_path / "new/run"):
                seen.append("locked")
        except FileError as error:
            seen.append(str(error))

    with locked(tmp_path / "new/run"), locked(tmp_path / "new/run"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(seen) == 1
    assert f"process {os.getpid()}" in seen[0]
    assert files_under(tmp_path) == {}
    other()
    assert seen[1:] == ["locked"]


def test_a_model_of_another_run_is_not_taken_for_the_run_s(
    copied_run: Path, call: Call, table: Path
) -> None:
    config = json.loads(Path("run/config.json").read_text())
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert config["model_sha256"] == metrics["model_sha256"]
    assert call("fit", table, *QUICK, "--seed", "5", "--out", "other", "--quiet").code == 0
    Path("other/model.safetensors").replace("run/model.safetensors")
    for command in ("predict", "evaluate", "inspect"):
        refused(call(command, "run", table), "run/model.safetensors", "config.json")
    assert call("predict", "run/model.safetensors", table).code == 0


def test_a_training_that_breaks_down_says_what_helps_and_leaves_the_folder_free(
    here: Path, call: Call
) -> None:
    Path("huge.csv").write_text(table_text(rain=HUGE, heat=HUGE[::-1], flow=HUGE))
    words = ["fit", "huge.csv", *quick(scale="none"), "--out", "run"]
    refused(call(*words), "training broke down in epoch 1", "--scale standard")
    assert set(files_under(here / "run")) == {"config.json"}
    for command in (["resume", "run"], ["predict", "run", "huge.csv"]):
        refused(call(*command), "broke down in epoch 1", "--scale standard", "--out run")
    refused(call(*words), "training broke down")  # again, as into a fresh folder
    better = ["fit", "huge.csv", *QUICK, "--out", "run", "--quiet"]
    assert call(*better) == Outcome(0, "", "")
    before = files_under(here)
    refused(call(*words, "--overwrite"), "training broke down")
    assert files_under(here) == before


def test_an_unfinished_replacement_is_resumed_where_it_is_asked_for(
    copied_run: Path, call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gatewise.training import loop  # noqa: PLC0415

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    Path("run/notes.txt").write_text("mine")
    with monkeypatch.context() as patched:
        patched.setattr(loop._Saver, "save", stop)
        words = ["fit", table, *QUICK, "--seed", "5", "--out", "run"]
        stopped = call(*words, "--overwrite", "--title", "New")
    assert stopped.code == 130
    assert stopped.err == (
        "gatewise: interrupted: `gatewise resume run` goes on where it stopped; "
        "until it is done, run holds the earlier run\n"
    )
    refused(call(*words), "unfinished", "gatewise resume run")
    assert call("evaluate", "run").code == 0
    done = call("resume", "run/replacement")
    assert done.code == 0
    assert "the run that is to replace run" in done.out
    config = json.loads(Path("run/config.json").read_text())
    assert (config["settings"]["seed"], config["title"]) == (5, "New")
    assert Path("run/notes.txt").read_text() == "mine"
    assert "replacement" not in os.listdir("run")


def test_a_full_disk_is_named(here: Path, call: Call, table: Path) -> None:
    Path("disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", "disk"]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        words = ["fit", table, *QUICK, "--out", "disk/run", "--quiet"]
        refused(call(*words), "disk/run", "No space left on device", "gatewise resume disk/run")
        Path("disk/much").write_bytes(b"")
        big = ["datasets", "fulda", "--out", "disk/fulda.csv"]
        refused(call(*big), "disk/fulda.csv", "No space left on device")
        assert not [name for name in files_under(here / "disk") if name.endswith(".part")]
    finally:
        subprocess.run(["umount", "disk"], check=True)


def test_a_reader_waits_for_a_run_that_is_just_taking_its_place(
    copied_run: Path, call: Call, table: Path
) -> None:
    import shutil  # noqa: PLC0415
    import threading  # noqa: PLC0415

    from gatewise.estimators.run.lock import locked  # noqa: PLC0415
    from gatewise.estimators.run.replacement import take_place  # noqa: PLC0415

    assert call("fit", table, *QUICK, "--seed", "5", "--out", "new", "--quiet").code == 0
    assert call("predict", "new", table, "--out", "new.csv").code == 0
    shutil.move("new", "run/replacement")
    Path("run/replacement/model.safetensors").replace("run/model.safetensors")  # and no further
    read: list[Outcome] = []

    def predict() -> None:
        read.append(call("predict", "run", table, "--out", "read.csv"))

    with locked(Path("run")):
        reader = threading.Thread(target=predict)
        reader.start()
        reader.join(0.3)
        assert read == []
        take_place(Path("run"))
    reader.join()
    assert read[0].code == 0
    assert Path("read.csv").read_bytes() == Path("new.csv").read_bytes()
    assert json.loads(Path("run/config.json").read_text())["settings"]["seed"] == 5


def test_a_title_is_kept_from_the_first_moment(
    here: Path, call: Call, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gatewise.training import loop  # noqa: PLC0415

    def look(*_: object) -> None:
        told.append(json.loads(Path("run/config.json").read_text()))

    told: list[dict[str, str]] = []
    monkeypatch.setattr(loop._Saver, "save", look)
    assert call("fit", table, *QUICK, "--out", "run", "--quiet", "--title", "Mine").code == 0
    assert (told[0]["status"], told[0]["title"]) == ("training", "Mine")


def test_a_data_file_whose_name_is_not_utf_8_ends_no_training(
    here: Path, call: Call, table: Path
) -> None:
    odd = Path("r\udcefver.csv")
    odd.write_text(table_text())
    assert (
        call("fit", odd, *QUICK, "--out", "run", "--title", "Débit\u00a0: 3", "--quiet").code == 0
    )
    config = json.loads(Path("run/config.json").read_text())
    assert config["source"] == str(here / odd)
    assert config["title"] == "Débit\u00a0: 3"
    assert call("evaluate", "run").code == 0
