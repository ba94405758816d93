"""Tables of robustness to corruptions: UAR by corruption, and the gain by augmentation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.robustness.condition_names import condition_words
from tools.result_tables.cells import Scores, markdown, percent, points_of, read
from tools.result_tables.models import short_name

_AUGMENTATION: Mapping[str, str] = {
    "encoder_lda": "LDA on speaker encoder: speed perturbation",
    "logmel_cnn": "log-mel CNN: all augmentation",
    "lda": "LDA on functionals: speed perturbation",
}
"""Of each pair of models, with and without augmentation in training: what is compared."""
_BRIEF_CONDITIONS = ("clean", "white_20", "white_5", "babble_20", "telephone", "reverberation_0.8", "start_1")
_BRIEF_MODELS = (
    "fused_transfer",
    "encoder_lda_augmented",
    "logmel_cnn",
    "logmel_cnn_unaugmented",
    "lda_augmented",
)


def by_condition(metrics: Path) -> str:
    """Tabulate the UAR of each model under each corruption."""
    found = read(metrics / "robustness.json")["uar"]
    return _table(found, list(found), list(next(iter(found.values()))))


def brief(metrics: Path) -> str:
    """Tabulate some of the corruptions and models."""
    return _table(read(metrics / "robustness.json")["uar"], _BRIEF_CONDITIONS, _BRIEF_MODELS)


def gains(metrics: Path) -> str:
    """Tabulate the gain by augmentation under each corruption."""
    found = read(metrics / "robustness.json")["gain_by_augmentation"]
    rows = [
        [condition_words(it), *(points_of(*gain[it].values()) for gain in found.values())]
        for it in next(iter(found.values()))
    ]
    return markdown(["gain, percentage points", *(_AUGMENTATION[kind] for kind in found)], rows)


def _table(
    found: Mapping[str, Mapping[str, Scores]], conditions: Sequence[str], models: Sequence[str]
) -> str:
    rows = [
        [condition_words(it), *(percent(found[it][model]["uar"]) for model in models)] for it in conditions
    ]
    return markdown(["UAR, %", *(short_name(model) for model in models)], rows)
