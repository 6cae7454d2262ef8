"""What scikit-learn's searches and cross-validation ask of an estimator, beside `fit` and `score`."""

from __future__ import annotations

from typing import Any, Literal


def tags(kind: Literal["classifier", "regressor"]) -> Any:
    """Return what scikit-learn wants to know of an estimator of sequences; it alone asks."""
    from sklearn.utils import (  # type: ignore[import-untyped]  # noqa: PLC0415 - whoever asks has it
        ClassifierTags,
        InputTags,
        RegressorTags,
        Tags,
        TargetTags,
    )

    classifies = kind == "classifier"
    return Tags(
        estimator_type=kind,
        target_tags=TargetTags(required=True, multi_output=not classifies),
        transformer_tags=None,
        classifier_tags=ClassifierTags() if classifies else None,
        regressor_tags=None if classifies else RegressorTags(),
        input_tags=InputTags(two_d_array=False, string=True, allow_nan=True),
        # sequences of any lengths: scikit-learn's common checks hand over tables
        no_validation=True,
        non_deterministic=False,
    )
