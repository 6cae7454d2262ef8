"""The implementations that gatewise is compared with beside torch; each an optional package.

A peer is one file with a function `make(problem, mode, threads) -> Contender` and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from benchmarks.against_peers.contenders import Contender
from benchmarks.against_peers.problem import Problem
from gatewise.errors import OptionError, how_to_install, nearest

TORCH = "torch"
INSTALL = how_to_install("bench")


@dataclass(frozen=True)
class Peer:
    """A package that computes recurrent networks on the CPU."""

    title: str
    needs: tuple[str, ...]
    modes: tuple[str, ...]
    room: str

    def make(self, problem: Problem, mode: str, threads: int) -> Contender:
        """Return the peer's side of a problem; its package is imported here."""
        maker: Callable[[Problem, str, int], Contender] = import_module(self.room).make
        return maker(problem, mode, threads)


PEERS: dict[str, Peer] = {
    "onnx": Peer(
        "ONNX Runtime",
        ("onnx", "onnxruntime"),
        ("infer",),
        "benchmarks.against_peers.peers.onnxruntime",
    ),
    "jax": Peer("JAX scan", ("jax",), ("train", "infer"), "benchmarks.against_peers.peers.jax"),
    "keras": Peer(
        "Keras 3 on JAX",
        ("keras", "jax"),
        ("train", "infer"),
        "benchmarks.against_peers.peers.keras",
    ),
}


def title_of(side: str) -> str:
    """Return what a side is called in tables and pictures."""
    return PEERS[side].title if side in PEERS else side


def peers_of(words: Sequence[str]) -> tuple[str, ...]:
    """Return the peers that are named, each once; torch always takes part and may be named too.

    Raises OptionError for a peer that is unknown or not installed.
    """
    for word in words:
        if word != TORCH and word not in PEERS:
            known = (TORCH, *PEERS)
            raise OptionError(f"peers are {', '.join(known)}; got {word!r}.{nearest(word, known)}")
    found = tuple(dict.fromkeys(word for word in words if word != TORCH))
    for name in found:
        missing = [package for package in PEERS[name].needs if find_spec(package) is None]
        if missing:
            raise OptionError(
                f"the peer {name!r} needs {' and '.join(missing)}: {INSTALL}, or leave it out"
            )
    return found
