"""What a verdict says where no training here beats a model that was not trained on the data at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from gatewise.choices import Pretrained
from gatewise.estimators.forecaster.score_names import model_name

NOT_BETTER = ("worse", "unclear")


def untrained(found: Iterable[tuple[str | None, str]]) -> list[str]:
    """Return a sentence for each pre-trained best baseline that is not clearly beaten.

    `found` are the best baseline of each target and the tone of the verdict on it.
    """
    names = {
        str(name) for name, tone in found if tone in NOT_BETTER and name in get_args(Pretrained)
    }
    return [
        f"{model_name(name).capitalize()} was trained on none of these data here, and no training on "
        "them beats it clearly."
        for name in sorted(names)
    ]
