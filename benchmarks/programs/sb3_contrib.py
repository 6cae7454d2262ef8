"""sb3-contrib's RecurrentPPO, a policy with an LSTM: it learns CartPole, and then acts."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from benchmarks.programs.program import Program

PROGRAM = Program(
    about="RecurrentPPO (LSTM, 256 units) learns CartPole for 1,024 steps, then acts for 300",
    packages=("sb3-contrib==2.9.2",),
    imports=("sb3_contrib",),
)


def work(folder: Path, variant: str, out: Path) -> None:
    """Learn, and write the actions of the greedy policy after it."""
    import_module("torch").manual_seed(0)
    model = import_module("sb3_contrib").RecurrentPPO(
        "MlpLstmPolicy", "CartPole-v1", seed=0, n_steps=256, batch_size=64, n_epochs=4, device="cpu"
    )
    model.learn(1024)
    environment, state = model.get_env(), None
    observed, starts, actions = environment.reset(), [True], []
    for _ in range(300):
        action, state = model.predict(observed, state, starts, deterministic=True)
        observed, _, starts, _ = environment.step(action)
        actions.append(int(action[0]))
    out.write_text(" ".join(map(str, actions)))
