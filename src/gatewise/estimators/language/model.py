"""A fitted language model and its file: tokens, networks, and the text that its baseline counts.

Everything that the file claims is checked against its tensors before anything is built from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.data.sequences.tokens import Tokens
from gatewise.estimators.baselines.ngram import KneserNey
from gatewise.estimators.language.network import LanguageNetwork
from gatewise.estimators.language.settings import LanguageSettings
from gatewise.estimators.saving import (
    histories_from_json,
    read_model,
    under,
    weights_of,
    within,
    write_model,
)
from gatewise.estimators.sequences.model import engine_by_size
from gatewise.estimators.sequences.model_checks import check_weights
from gatewise.estimators.sequences.restraints import Restraints
from gatewise.estimators.sequences.saving import (
    about_model,
    check_cell,
    networks_of,
    options_of_model,
)
from gatewise.files import Envelope
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
        restraints=Restraints.of(settings, settings.dropout),
        embedding_dropout=settings.embedding_dropout,
    )
    network.settle(engine)
    return network


def engine_for(settings: LanguageSettings) -> str:
    """Return the engine that `auto` settles on for a fit, by sizes alone."""
    assert settings.embedding is not None
    assert settings.batch_size is not None
    return engine_by_size(settings, settings.embedding, 1, settings.window, settings.batch_size)


def save_fitted(fitted: FittedLanguage, path: Path) -> None:
    """Write the model to `path`, whole or not at all. Equal models give equal bytes."""
    counted, arrays = fitted.ngram.to_state()
    about = {**about_model(fitted), "tokens": fitted.tokens.to_json(), "ngram": counted}
    write_model(path, ENVELOPE, about, weights_of(fitted.networks) | under("ngram", arrays))


def load_fitted(path: Path, device: str) -> FittedLanguage:
    """Return the model that `save_fitted` wrote, its networks on `device`.

    Raises FileError for a file that is missing, cut short, damaged, foreign, or from a newer version,
    and for a model of a cell that is not registered.
    """
    about, arrays = read_model(path, ENVELOPE)
    check_cell(about.get("settings"), path)
    with ENVELOPE.unpacking(path):
        settings, asked = options_of_model(about, LanguageSettings, device)
        tokens = Tokens.from_json(about["tokens"])
        check_weights(arrays, settings.members, ("member",))
        networks = networks_of(
            arrays, settings, lambda: network_of(settings, tokens, about["engine"])
        )
        return FittedLanguage(
            settings=settings,
            asked=asked,
            tokens=tokens,
            networks=networks,
            histories=histories_from_json(about["histories"]),
            engine=about["engine"],
            ngram=KneserNey.from_state(about["ngram"], within("ngram", arrays)),
            data=about["data"],
        )
