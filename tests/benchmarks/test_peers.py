"""The optional peers compute what torch does: their gates, biases and layouts are put in its order.

Each runs in a process of its own: JAX starts threads and warns of every fork that follows, and Keras
takes its backend from the environment.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from benchmarks.against_peers.peers import PEERS

CODE = """
import sys
from benchmarks.against_peers.agreement import FLOAT32, difference
from benchmarks.against_peers.contenders import inference, training
from benchmarks.against_peers.peers import PEERS
from benchmarks.against_peers.problem import CELLS, make_problem
from benchmarks.against_peers.rows import Row

peer = PEERS[sys.argv[1]]
for cell in CELLS:
    problem = make_problem(cell, Row(9, 3, 4, 5))
    for mode in peer.modes:
        timed = training if mode == "train" else inference
        expected = timed("torch", problem.stock(), problem).results()
        found = peer.make(problem, mode, 1).results()
        assert set(found) == set(expected), (cell, mode)
        assert difference(found, expected) < FLOAT32, (cell, mode)
"""


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_agrees_with_torch(name: str) -> None:
    missing = [package for package in PEERS[name].needs if find_spec(package) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    done = subprocess.run(
        [sys.executable, "-c", CODE, name], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
