"""A fitted language model and its file: tokens, networks, and the text that its baseline counts.

Everything that the file claims is checked against its tensors before anything is built from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.data.sequences.tokens import Tokens
from gatewise.engines import by_size
from gatewise.estimators.baselines.ngram import KneserNey
from gatewise.estimators.language.network import LanguageNetwork
from gatewise.estimators.language.settings import LanguageSettings
from gatewise.estimators.options import spec_named
from gatewise.estimators.saving import (
    histories_from_json,
    histories_to_json,
    load_weights,
    read_model,
    under,
    weights_of,
    within,
    write_model,
)
from gatewise.estimators.sequences.model_checks import check_weights
from gatewise.estimators.sequences.saving import check_cell
from gatewise.files import Envelope
from gatewise.training.distributed import local_device
from gatewise.training.history import History

ENVELOPE = Envelope("gatewise-language-model", 1, "model", "copy it anew, or fit again")


@dataclass(frozen=True, eq=False)
class FittedLanguage:
    """Networks of all members, how a text is cut into tokens, and the n-gram model beside."""

    settings: LanguageSettings  # all that was left to the data is settled in them
    asked: LanguageSettings  # as they were given
    tokens: Tokens
    networks: tuple[LanguageNetwork, ...]
    histories: tuple[History, ...]
    engine: str
    ngram: KneserNey
    data: dict[str, Any]  # fingerprint, sizes, the tokens of each part, and which is scored

    @property
    def answering(self) -> tuple[LanguageNetwork, ...]:
        """The networks that predict: those that were scored."""
        return self.networks


def network_of(settings: LanguageSettings, tokens: Tokens, engine: str) -> LanguageNetwork:
    """Return an untrained network of settings that leave nothing open."""
    assert settings.embedding is not None
    network = LanguageNetwork(
        tokens=tokens.vocabulary.size,
        embedding=settings.embedding,
        tied=bool(settings.tied),
        cell=settings.cell,
        hidden_size=settings.hidden_size,
        num_layers=settings.num_layers,
        heads=settings.heads,
        forget_bias=settings.forget_bias,
        long_memory=settings.long_memory,
        engine=settings.engine,
        restraints=settings.restraints(),
    )
    network.settle(engine)
    return network


def engine_for(settings: LanguageSettings) -> str:
    """Return the engine that `auto` settles on for a fit, by sizes alone."""
    cell = spec_named(settings.cell).name
    assert settings.embedding is not None
    assert settings.batch_size is not None
    weights = by_size.weights_of(
        cell, settings.embedding, settings.hidden_size, settings.num_layers, 1
    )
    return by_size.settled_for(cell, weights, settings.window, settings.batch_size)


def save_fitted(fitted: FittedLanguage, path: Path) -> None:
    """Write the model to `path`, whole or not at all. Equal models give equal bytes."""
    counted, arrays = fitted.ngram.to_state()
    about = {
        "settings": fitted.settings.to_json(),
        "asked": fitted.asked.to_json(),
        "tokens": fitted.tokens.to_json(),
        "histories": histories_to_json(fitted.histories),
        "engine": fitted.engine,
        "ngram": counted,
        "data": fitted.data,
    }
    write_model(path, ENVELOPE, about, weights_of(fitted.networks) | under("ngram", arrays))


def load_fitted(path: Path, device: str) -> FittedLanguage:
    """Return the model that `save_fitted` wrote, its networks on `device`.

    Raises FileError for a file that is missing, cut short, damaged, foreign, or from a newer version,
    and for a model of a cell that is not registered.
    """
    about, arrays = read_model(path, ENVELOPE)
    check_cell(about.get("settings"), path)
    with ENVELOPE.unpacking(path):
        settings = LanguageSettings.from_saved(about["settings"])
        settings.check_options()
        asked = LanguageSettings.from_saved(about["asked"])
        asked.check_options()
        # where it was fitted says nothing about where it is used
        settings.device = asked.device = device
        tokens = Tokens.from_json(about["tokens"])
        check_weights(arrays, settings.members, ("member",))
        networks = []
        for member in range(settings.members):
            network = network_of(settings, tokens, about["engine"])
            load_weights(network, arrays, member)
            networks.append(network.to(local_device(device)).eval())
        return FittedLanguage(
            settings=settings,
            asked=asked,
            tokens=tokens,
            networks=tuple(networks),
            histories=histories_from_json(about["histories"]),
            engine=about["engine"],
            ngram=KneserNey.from_state(about["ngram"], within("ngram", arrays)),
            data=about["data"],
        )
