import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch

from gatewise.errors import FileError, GatewiseError
from gatewise.training import checkpoint as files
from gatewise.training.loop import train
from gatewise.training.losses import per_row, squared_error
from gatewise.training.task import Task
from tests.damage import (
    about_of,
    damaged_bytes,
    damaged_json,
    damaged_tensors,
    refusal,
    with_about,
)
from tests.estimators.toy import DelayLine, equal, network, options, weights

TRAINING = DelayLine.draw(70, seed=1)
VALIDATION = DelayLine.draw(33, seed=2)


def run(path, made=None, **kwargs):
    """Train with everything that has a state: two layers, dropout, an average."""
    changes = kwargs.pop("changes", {})
    made = made or network(num_layers=2, dropout=0.3)
    chosen = options(**{"epochs": 6, "average": 0.9, "weight_decay": 0.1, **changes})
    sets = kwargs.pop("training", TRAINING), kwargs.pop("validation", VALIDATION)
    settings = {"progress": False, "checkpoint_seconds": 0.0, **kwargs}
    history = train(Task(made, *sets, per_row(squared_error)), chosen, checkpoint=path, **settings)
    return made, history


class StopError(Exception):
    """Raised in the middle of a run."""


def stop_after(epoch, error=StopError):
    def watch(status):
        if status.done == 1 and status.epoch == epoch:
            raise error

    return watch


@pytest.fixture
def every_epoch(monkeypatch):
    """Let every epoch be written: no share of the time is too large."""
    monkeypatch.setattr("gatewise.training.loop.CHECKPOINT_SHARE", 1e9)


@pytest.fixture
def interrupted(tmp_path, every_epoch):
    """The checkpoint of a run that Ctrl-C ended after its third epoch."""
    path = tmp_path / "state.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(path, progress=stop_after(3, KeyboardInterrupt))
    return path


def test_a_run_resumed_after_ctrl_c_equals_one_that_was_not_interrupted(interrupted, tmp_path):
    held = files.from_bytes(interrupted.read_bytes(), interrupted)
    assert held.record.epochs == 3
    whole, history = run(tmp_path / "other.safetensors")
    resumed, again = run(interrupted, network(seed=9, num_layers=2, dropout=0.3), resume=True)
    assert equal(weights(whole), weights(resumed))
    assert replace(history, seconds=0) == replace(again, seconds=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "other.safetensors",
        "state.safetensors",
    ]


def test_checkpoints_of_both_runs_hold_the_same_tensors(interrupted, tmp_path):
    run(tmp_path / "other.safetensors")
    run(interrupted, resume=True)
    ours, theirs = (
        safetensors.torch.load_file(path) for path in (interrupted, tmp_path / "other.safetensors")
    )
    assert equal(ours, theirs)
    assert {name.split(".")[0] for name in ours} == {"network", "best", "average", "optimizer"}
    assert ours["optimizer.0.step"].item() == 30
    assert ours["optimizer.0.step"].dtype == ours["optimizer.0.exp_avg"].dtype == torch.float32


@pytest.mark.parametrize("changes", [{"patience": 1}, {"schedule": "plateau", "patience": 3}])
def test_early_stopping_and_plateaus_go_on_where_they_were(tmp_path, every_epoch, changes):
    noise = replace(VALIDATION, y=VALIDATION.y[::-1].copy())
    settings = {"validation": noise, "changes": {"learning_rate": 0.03, "epochs": 12, **changes}}
    whole, history = run(tmp_path / "whole", **settings)
    with pytest.raises(StopError):
        run(tmp_path / "parts", progress=stop_after(len(history.train) - 1), **settings)
    resumed, again = run(tmp_path / "parts", resume=True, **settings)
    assert equal(weights(whole), weights(resumed))
    assert replace(history, seconds=0) == replace(again, seconds=0)


def test_a_finished_run_is_not_trained_again(tmp_path):
    path = tmp_path / "state"
    made, history = run(path)
    statuses = []
    again, same = run(path, network(7, num_layers=2), resume=True, progress=statuses.append)
    assert statuses == []
    assert same == history
    assert equal(weights(made), weights(again))


def test_a_run_killed_before_its_first_checkpoint_starts(tmp_path):
    made, _ = run(tmp_path / "none", resume=True)
    assert equal(weights(made), weights(run(None)[0]))


def test_without_resume_an_old_checkpoint_is_replaced(interrupted):
    made, history = run(interrupted)
    assert len(history.train) == 6
    assert equal(weights(made), weights(run(None)[0]))


def test_short_epochs_are_not_all_written(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(files, "write", lambda held, _: written.append(held.record.epochs))
    run(tmp_path / "state", checkpoint_seconds=1000.0)
    assert written == [1, 6]


def test_a_breakdown_leaves_the_checkpoint_of_an_earlier_epoch(tmp_path, every_epoch):
    path = tmp_path / "state"
    poisoned = replace(VALIDATION, y=VALIDATION.y.copy())

    def poison(status):
        if status.done == 1 and status.epoch == 3:  # not within it, as on a slow machine
            poisoned.y[:] = np.inf

    with pytest.raises(GatewiseError, match="broke down in epoch 4"):
        run(path, validation=poisoned, progress=poison)
    held = files.from_bytes(path.read_bytes(), path)
    assert held.record.epochs == 3
    assert all(tensor.isfinite().all() for tensor in held.tensors.values())


def check_refused(path, match, **kwargs):
    made = kwargs.get("made") or network(num_layers=2, dropout=0.3)
    before, content = weights(made), path.read_bytes()
    with pytest.raises(FileError, match=match) as caught:
        run(path, **{**kwargs, "made": made}, resume=True)
    assert "\n" not in str(caught.value)
    assert equal(weights(made), before)
    assert path.read_bytes() == content


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused(interrupted, share):
    content = interrupted.read_bytes()
    interrupted.write_bytes(content[: int(share * len(content))])
    check_refused(interrupted, "not a gatewise checkpoint")


def test_a_weight_with_a_turned_bit_is_not_gone_on_with(interrupted):
    content = interrupted.read_bytes()
    interrupted.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
    check_refused(interrupted, "the checksum differs")
    interrupted.write_bytes(with_about(content, about_of(content), seal=False))
    resumed, _ = run(interrupted, resume=True)  # a file from before checksums
    assert equal(weights(resumed), weights(run(None)[0]))


@pytest.mark.parametrize("count", [100, pytest.param(3000, marks=pytest.mark.full)])
def test_no_damage_to_the_bytes_goes_unseen(interrupted, count):
    for what, content in damaged_bytes(interrupted.read_bytes(), count, seed=count):
        said = refusal(lambda content=content: files.from_bytes(content, interrupted), what)
        assert said is not None, what
        assert "state.safetensors" in said


@pytest.mark.parametrize("count", [30, pytest.param(600, marks=pytest.mark.full)])
def test_any_change_of_the_description_is_told_or_does_no_harm(interrupted, count):
    """Sealed anew, so that only the checks of the content are left to find it."""
    content = interrupted.read_bytes()
    for what, about in damaged_json(about_of(content), count, seed=count):
        interrupted.write_bytes(with_about(content, about))
        said = refusal(lambda: run(interrupted, resume=True), what)
        assert said is None or "state.safetensors" in said, what


@pytest.mark.parametrize("count", [20, pytest.param(600, marks=pytest.mark.full)])
def test_any_change_of_the_shapes_is_told(interrupted, count):
    for what, changed in damaged_tensors(interrupted.read_bytes(), count, seed=count):
        interrupted.write_bytes(changed)
        said = refusal(lambda: run(interrupted, resume=True), what)
        assert said is None or "state.safetensors" in said or "broke down" in said, what


FOREIGN = [
    b"PK\x03\x04 a zip file of pickles, as torch.save makes",
    safetensors.torch.save({"weight": torch.zeros(2)}),
    safetensors.torch.save({"weight": torch.zeros(2)}, {"gatewise": "[]"}),
    safetensors.torch.save({"weight": torch.zeros(2)}, {"gatewise": "{}"}),
    safetensors.torch.save({}, {"gatewise": json.dumps({"format": "gatewise-forecaster"})}),
]


@pytest.mark.parametrize("content", FOREIGN)
def test_a_foreign_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "state"
    path.write_bytes(content)
    check_refused(path, "not a gatewise checkpoint")


def test_a_checkpoint_of_another_version_is_refused(interrupted, monkeypatch):
    monkeypatch.setattr(files, "ENVELOPE", replace(files.ENVELOPE, version=1))
    check_refused(interrupted, "written by a newer gatewise: update gatewise")


def test_a_folder_in_the_checkpoints_place_is_refused(tmp_path):
    with pytest.raises(FileError, match="cannot be read: Is a directory"):
        run(tmp_path, resume=True)


def test_the_checkpoint_of_another_run_is_refused(interrupted):
    options_match = "made with learning_rate=0.01, this run has 0.02"
    check_refused(interrupted, options_match, changes={"learning_rate": 0.02})
    windows_match = "made from 70 training and 33 validation windows, this run has 71 and 33"
    check_refused(interrupted, windows_match, training=DelayLine.draw(71, seed=1))
    check_refused(interrupted, "another network", made=network(cell="gru", num_layers=2))


def test_a_rest_of_a_killed_write_does_no_harm(interrupted):
    interrupted.with_name(f".{interrupted.name}.part").write_bytes(b"half a checkp")
    resumed, _ = run(interrupted, resume=True)
    assert equal(weights(resumed), weights(run(None)[0]))
