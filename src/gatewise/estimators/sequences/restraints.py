"""What keeps a network of sequences from learning its data by heart: options, and what they come to."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.options import between, on_or_off, option, share_below_one, values_of


@dataclass(kw_only=True, eq=False)
class RestraintOptions:
    """What training drops beside the values of `dropout`, and charges for.

    What made AWD-LSTM strong (Merity, Keskar and Socher 2018), for every estimator of sequences.
    """

    variational: bool = option(
        False,
        "Network",
        "Drop the same units at every step of a batch.",
        on_or_off(),
        more="Variational dropout (Gal and Ghahramani 2016).",
    )
    input_dropout: float = option(
        0.0,
        "Network",
        "Share dropped of what the first layer reads.",
        share_below_one(),
        more="With `variational` the same features at every step.",
    )
    weight_drop: float = option(
        0.0,
        "Network",
        "Share of recurrent weights dropped, for a batch at a time.",
        share_below_one(),
        more="DropConnect (Wan et al. 2013).",
    )
    activation_cost: float = option(
        0.0,
        "Training",
        "Price of large outputs of the last layer.",
        between(0, 1000),
        more="AR of Merity, McCann and Socher (2017).",
    )
    slowness_cost: float = option(
        0.0,
        "Training",
        "Price of changes of its output from step to step.",
        between(0, 1000),
        more="TAR, ibid.",
    )


@dataclass(frozen=True)
class Restraints:
    """What training drops, as shares, and what it charges for; 0 is off."""

    dropout: float = 0.0  # of what each layer hands on
    variational: bool = False  # dropout of the same units at every step of a call
    input_dropout: float = 0.0  # of what the first layer reads
    weight_drop: float = 0.0  # of recurrent weights
    activation_cost: float = 0.0  # on the last layer's dropped output
    slowness_cost: float = 0.0  # on its change from step to step

    @classmethod
    def of(cls, settings: RestraintOptions, dropout: float | None) -> Restraints:
        """Return those that options ask for, beside the `dropout` of what layers hand on."""
        return cls(dropout=dropout or 0.0, **values_of(RestraintOptions, settings))
