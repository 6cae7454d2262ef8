"""Fits of sequences in processes of their own: killed and resumed, and shared by two under torchrun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import gatewise as gw
from gatewise.errors import OptionError
from tests.estimators.sequence_job import JOBS, fit

ROOT = Path(__file__).parents[2]
# Gradients are sums in another order: 3e-6 is what was seen of weights of size 1.
TOLERANCE = 3e-5
# In another company a row of a product of matrices is summed in another order.
FLOAT32 = 2e-6


def start(*words: str, processes: int = 1) -> subprocess.Popen[bytes]:
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [
            *(sys.executable, *(launcher if processes > 1 else ())),
            *(str(ROOT / "tests/estimators/sequence_job.py"), *words),
        ],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an uninterrupted run of each job."""
    return tmp_path_factory.mktemp("whole")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of each job that was killed."""
    folder = tmp_path_factory.mktemp("killed")
    process = start(str(folder), "killed")
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors.decode()
    return folder


@pytest.fixture(scope="module", params=list(JOBS))
def fitted(request: pytest.FixtureRequest, whole: Path) -> tuple[str, Any]:
    """The name of a job and the estimator that it leaves."""
    return request.param, fit(request.param, whole / request.param)


def test_a_fit_that_was_killed_is_resumed_with_the_same_bits(
    fitted: tuple[str, Any], whole: Path, killed: Path
) -> None:
    job, model = fitted
    run, given = killed / job, JOBS[job][2]
    assert not (run / "model.safetensors").exists()
    assert list((run / "checkpoints").iterdir())
    resumed = type(model).resume(run, *given(), progress=False)
    for name in ("model.safetensors", "metrics.json"):
        ours, theirs = ((folder / job / name).read_bytes() for folder in (killed, whole))
        if name == "metrics.json":  # but for the seconds that it took
            ours, theirs = (without_seconds(json.loads(one)) for one in (ours, theirs))
        assert ours == theirs
    assert resumed.get_params() == model.get_params()


def without_seconds(found: Any) -> Any:
    """Return what JSON holds without how long anything took."""
    if isinstance(found, dict):
        return {k: without_seconds(v) for k, v in found.items() if "second" not in k}
    return [without_seconds(each) for each in found] if isinstance(found, list) else found


@pytest.mark.parametrize("fitted", [job for job in JOBS if job != "language"], indirect=True)
def test_neither_order_nor_padding_changes_an_answer(fitted: tuple[str, Any]) -> None:
    """A sequence alone, and among others in another order with a longer one, has the same answer."""
    job, model = fitted
    tell = model.predict if job == "regressor" else model.predict_proba
    given = JOBS[job][2]()[0][:20]
    long = np.full((60, 2), 1e3, np.float32)
    order = np.random.default_rng(1).permutation(20)
    together = tell(given)
    mixed = tell([long, *(given[k] for k in order)])[1:]
    for place, k in enumerate(order):
        np.testing.assert_allclose(mixed[place], together[k], atol=FLOAT32, rtol=FLOAT32)
        np.testing.assert_allclose(tell([given[k]])[0], together[k], atol=FLOAT32, rtol=FLOAT32)


def test_a_part_that_there_is_not_is_refused(fitted: tuple[str, Any]) -> None:
    job, model = fitted
    given = JOBS[job][2]()
    # the text of a job is none of a file's name
    prepared = model.prepare(given[0] if job == "language" else model.given(*given))
    for call in (
        lambda: model.evaluate(*given, part="trainig"),
        lambda: model.summary(*given, part="trainig"),
        lambda: model.evaluate_beside(*given, others={"again": model}, part="trainig"),
        lambda: gw.explain(model, prepared, part="trainig"),
    ):
        with pytest.raises(OptionError, match=r"part must be one of .*Did you mean 'training'"):
            call()


@pytest.mark.full
@pytest.mark.parametrize("job", ["classifier", "language"])
def test_two_processes_give_the_result_of_one(tmp_path: Path, job: str) -> None:
    fit(job, tmp_path / "alone")
    process = start(str(tmp_path / "run"), job, processes=2)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors.decode()
    ours, theirs = (load_file(tmp_path / run / "model.safetensors") for run in ("run", "alone"))
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert abs(array - theirs[name]).max() <= TOLERANCE, name
