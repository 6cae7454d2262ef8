"""A forecaster's network: built, given the weights of a file, and what it is trained with."""

from __future__ import annotations

from gatewise.engines import by_size
from gatewise.estimators.embedding import CategoryEmbedding
from gatewise.estimators.forecaster.settings import ForecasterSettings
from gatewise.estimators.heads import CountHead, DistributionHead, PointHead, QuantileHead
from gatewise.estimators.likelihoods import LIKELIHOODS, Likelihood, NegativeBinomial
from gatewise.estimators.network import RecurrentNetwork
from gatewise.estimators.options import NetworkOptions, spec_named
from gatewise.estimators.weights import load_weights
from gatewise.estimators.widths import width_with_embeddings
from gatewise.options import values_of
from gatewise.training.distributed import local_device
from gatewise.training.losses import POINT_LOSSES, negative_log_likelihood, per_row, pinball
from gatewise.training.options import BATCH_SIZE
from gatewise.training.task import Loss
from gatewise.typing import Arrays


def engine_for(settings: ForecasterSettings, features: int, sizes: tuple[int, ...] = ()) -> str:
    """Return the engine that `auto` settles on for a fit: the faster one for its whole batches.

    By sizes alone, so that a fit gives the same bits wherever and in however many parts it runs; and
    once for all batches, the last and smaller one, those of a process and those of predictions too.
    "reference" for a cell that no other engine has.
    """
    cell = spec_named(settings.cell).name
    layers = settings.num_layers
    read = width_with_embeddings(features, sizes, settings.embedding)
    weights = by_size.weights_of(cell, read, settings.hidden_size, layers, directions=1)
    steps = settings.steps_back + settings.horizon
    return by_size.settled_for(cell, weights, steps, settings.batch_size or BATCH_SIZE)


def build_network(
    settings: ForecasterSettings,
    features: int,
    targets: int,
    engine: str,
    sizes: tuple[int, ...] = (),
) -> RecurrentNetwork:
    """Return an untrained network for `features` inputs and `targets` outputs.

    The last inputs are codes of categories of `sizes` labels. `engine` is what `auto` is settled on:
    see `engine_for`.
    """
    head = _head(settings, targets)
    if settings.horizon and (settings.normalise in ("season", "last") or settings.counts):
        head.start_at_zero()  # before any training, the forecast is the naive one
    network = RecurrentNetwork(
        **values_of(NetworkOptions, settings),
        engine=settings.engine,
        input_size=width_with_embeddings(features, sizes, settings.embedding),
        head=head,
        steps=max(settings.horizon, 1),
        front=CategoryEmbedding(sizes, settings.embedding) if sizes else None,
    )
    network.settle(engine)
    return network


def _head(
    settings: ForecasterSettings, targets: int
) -> PointHead | QuantileHead | DistributionHead:
    family, levels = likelihood_of(settings), settings.levels()
    if isinstance(family, NegativeBinomial):
        return CountHead(settings.hidden_size, targets, family)
    if family is not None:
        return DistributionHead(settings.hidden_size, targets, family)
    if levels and settings.likelihood is None:
        return QuantileHead(settings.hidden_size, targets, levels)
    return PointHead(settings.hidden_size, targets)


def loaded(
    settings: ForecasterSettings,
    features: int,
    targets: int,
    *,
    engine: str,
    sizes: tuple[int, ...],
    weights: Arrays,
) -> RecurrentNetwork:
    """Return the network of a model file with these weights, on `settings.device`."""
    network = build_network(settings, features, targets, engine, sizes)
    load_weights(network, weights)
    return network.to(local_device(settings.device)).eval()


def loss_of(settings: ForecasterSettings) -> Loss:
    """Return what the network is trained with: that of its head."""
    family, levels = likelihood_of(settings), settings.levels()
    if family is not None:
        return per_row(negative_log_likelihood(family))
    quantiles = levels and settings.likelihood is None
    return per_row(pinball(levels) if quantiles else POINT_LOSSES[settings.loss])


def likelihood_of(settings: ForecasterSettings) -> Likelihood | None:
    """Return the family of distributions that the network predicts; None where it is none."""
    return None if settings.likelihood is None else LIKELIHOODS.get(settings.likelihood)
