"""Two real torchrun processes give the result of one, within float32 tolerance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from gatewise.training.distributed import World, joined, local_device
from tests.estimators import toy
from tests.estimators.toy import COSTS, equal

ROOT = Path(__file__).parents[2]
# 129 windows in batches of 16: the last batch is one window, fewer than there are processes
JOB = {"windows": 129, "members": 2, "options": {"epochs": 5, "patience": 5}}
JOBS = {
    "plain": JOB,
    "with costs on gates": {**JOB, "options": {"epochs": 3, "patience": 3, **COSTS}},
}
# Gradients are sums in another order; the weights here are of size 1, and 1.4e-7 is what was seen.
# With the pinball loss single weights may move apart by 1e-4: its gradient can be exactly 0, and then
# Adam's first step takes the rounding noise around 0 for a direction.
TOLERANCE = 1e-6


def launch(*jobs: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Do jobs of `toy.py`, one after the other, in two processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *launcher, str(ROOT / "tests/estimators/toy.py"), json.dumps(jobs)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes leave of both jobs, and their stderr: to start them takes longest."""
    folder = tmp_path_factory.mktemp("two")
    places = {name: folder / name for name in JOBS}
    done = launch(*({**job, "out": str(places[name])} for name, job in JOBS.items()))
    assert done.returncode == 0, done.stderr
    return {name: safetensors.torch.load_file(at) for name, at in places.items()}, done.stderr


@pytest.mark.parametrize("name", JOBS)
def test_two_processes_give_the_result_of_one(two, name):
    job = JOBS[name]
    ours, theirs = toy.members(job), two[0][name]
    assert ours.keys() == theirs.keys()
    assert {key.split(".")[0] for key in ours} == {"0", "1"}
    for key, value in ours.items():
        torch.testing.assert_close(value, theirs[key], rtol=0, atol=TOLERANCE, msg=key)


def test_one_process_alone_prints(two):
    assert two[1].count("epoch 1/5") == 2  # once per member


@pytest.mark.full
def test_two_processes_killed_and_resumed_give_the_same_bits(two, tmp_path):
    job = {**JOB, "checkpoint": str(tmp_path / "state"), "members": 1, "out": str(tmp_path / "out")}
    killed = launch({**job, "kill": [2, "half"]})
    assert killed.returncode != 0
    assert not (tmp_path / "out").exists()
    resumed = launch({**job, "resume": True})
    assert resumed.returncode == 0, resumed.stderr
    first = {name: value for name, value in two[0]["plain"].items() if name.startswith("0.")}
    assert equal(safetensors.torch.load_file(tmp_path / "out"), first)


@given(count=st.integers(0, 300), size=st.integers(1, 9))
def test_processes_share_out_every_row_once(count, size):
    rows = [row for rank in range(size) for row in range(count)[World(rank, size).rows(count)]]
    assert rows == list(range(count))
    shares = [len(range(count)[World(rank, size).rows(count)]) for rank in range(size)]
    assert max(shares) - min(shares) <= 1


def test_a_process_alone_is_a_world_of_one(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined() as world:
        assert (world.rank, world.size, world.main) == (0, 1, True)
        assert world.total(torch.tensor(3.0)) == 3
        assert world.broadcast(b"state", torch.device("cpu")) == b"state"
    assert not torch.distributed.is_initialized()


def test_cuda_means_the_process_own_gpu(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert local_device("cuda") == torch.device("cuda", 3)
    assert local_device("cuda:1") == torch.device("cuda", 1)
    assert local_device("cpu") == torch.device("cpu")
