"""Tables of robustness to corruptions: UAR by condition, and what corrupted copies in training are worth."""

from collections.abc import Mapping
from pathlib import Path

from ser.evaluation.robustness import COMPARED, MODELS, condition_words
from ser.figures.robustness import COPY_WORDS
from tools.result_tables.cells import markdown, percent, points_of, read, with_interval
from tools.result_tables.models import short_name

_AUGMENTATION: Mapping[str, str] = {
    "layers_lda": "LDAs on Whisper's layers: corrupted copies",
    "encoder_lda": "LDA on speaker encoder: speed perturbation",
    "lda": "LDA on functionals: speed perturbation",
}
"""Of each pair of models, with and without augmentation in training: what is compared."""


def by_condition(metrics: Path) -> str:
    """Tabulate the UAR of each model in each condition; those with a kind of copies left out are not here."""
    found = read(metrics / "robustness.json")["uar"]
    rows = [[condition_words(it), *(percent(found[it][model]["uar"]) for model in MODELS)] for it in found]
    return markdown(["UAR, %", *map(short_name, MODELS)], rows)


def compared(metrics: Path) -> str:
    """Tabulate the ensemble on Whisper's layers beside the late fusion, with their difference."""
    found = read(metrics / "robustness.json")
    rows = [
        [
            condition_words(it),
            *(with_interval(found["uar"][it][model]) for model in COMPARED),
            points_of(*difference.values()),
        ]
        for it, difference in found["difference"].items()
    ]
    return markdown(["UAR, %", *map(short_name, COMPARED), "difference, percentage points"], rows)


def gains(metrics: Path) -> str:
    """Tabulate the gain by augmentation in each condition."""
    found = read(metrics / "robustness.json")["gain_by_augmentation"]
    rows = [
        [condition_words(it), *(points_of(*gain[it].values()) for gain in found.values())]
        for it in next(iter(found.values()))
    ]
    return markdown(["gain, percentage points", *(_AUGMENTATION[kind] for kind in found)], rows)


def left_out(metrics: Path) -> str:
    """Tabulate what it costs to leave a kind of corruptions out of training, in its conditions."""
    found = read(metrics / "robustness.json")
    rows = [
        [
            COPY_WORDS[kind],
            condition_words(it),
            *(
                percent(found["uar"][it][model]["uar"])
                for model in ("layers_lda", f"layers_lda_without_{kind}")
            ),
            points_of(*cost.values()),
        ]
        for kind, costs in found["left_out"].items()
        for it, cost in costs.items()
    ]
    heading = ["left out of training", "condition", "UAR with it, %", "without, %", "loss, percentage points"]
    return markdown(heading, rows)
