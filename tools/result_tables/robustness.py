"""Tables of robustness to corruptions: UAR by condition, and the gain by augmentation."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.result_tables.cells import Scores, markdown, percent, points_of, read
from tools.result_tables.models import TABLE_NAMES

_KINDS: Mapping[str, str] = {
    "clean": "clean",
    "white": "white noise, SNR {} dB",
    "babble": "babble, SNR {} dB",
    "telephone": "telephone, 8 kHz, mu-law",
    "reverberation": "reverberation, RT60 {} s",
    "level": "level {} dB",
    "clipping": "clipped, {} of the samples",
    "start": "truncated to the first {} s of speech",
}
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
    """Tabulate the UAR of each model under each condition."""
    found = read(metrics / "robustness.json")["uar"]
    return _table(found, list(found), list(next(iter(found.values()))))


def brief(metrics: Path) -> str:
    """Tabulate some of the conditions and models."""
    return _table(read(metrics / "robustness.json")["uar"], _BRIEF_CONDITIONS, _BRIEF_MODELS)


def gains(metrics: Path) -> str:
    """Tabulate what augmentation in training adds under each condition."""
    found = read(metrics / "robustness.json")["gain_by_augmentation"]
    rows = [
        [condition_name(it), *(points_of(*gain[it].values()) for gain in found.values())]
        for it in next(iter(found.values()))
    ]
    return markdown(["gain, percentage points", *(_AUGMENTATION[kind] for kind in found)], rows)


def condition_name(condition: str) -> str:
    """Name a condition by its key in the metrics."""
    kind, _, value = condition.partition("_")
    if kind == "level":
        number, _, clipped = value.partition("_")
        return f"level {float(number):+g} dB" + (", clipped at full scale" if clipped else "")
    if kind == "clipping":
        value = f"{100 * float(value):g} %"
    if kind == "start":
        value = f"{float(value):g}"
    return _KINDS[kind].format(value)


def _table(
    found: Mapping[str, Mapping[str, Scores]], conditions: Sequence[str], models: Sequence[str]
) -> str:
    rows = [
        [condition_name(it), *(percent(found[it][model]["uar"]) for model in models)] for it in conditions
    ]
    return markdown(["UAR, %", *(TABLE_NAMES[model] for model in models)], rows)
