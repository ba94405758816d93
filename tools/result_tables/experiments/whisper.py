"""Tables of the experiment on Whisper's encoder: scores, and the trials on inner folds."""

from collections.abc import Mapping
from pathlib import Path

from tools.result_tables.cells import PROTOCOLS, interval_of, markdown, percent, read, trial_means

MODELS: Mapping[str, str] = {
    "whisper_lda": "per-layer LDA ensemble, Whisper",
    "encoders_lda": "per-layer LDA ensemble, Whisper and speaker encoder",
}
_LDA = "sum of LDAs"
_LDA_TRIALS: Mapping[str, tuple[str, ...]] = {
    "both encoders, all layers (the design)": ("both, all layers",),
    "the same, only means over time": ("both, all layers, means alone",),
    "Whisper, all layers": ("whisper, all layers",),
    "Whisper, one layer: input of the first, then outputs of the six": tuple(
        f"whisper_{layer} alone" for layer in range(1, 8)
    ),
    "speaker encoder, all layers": ("speaker, all layers",),
    "speaker encoder, one of its three layers": tuple(f"speaker_{layer} alone" for layer in range(1, 4)),
}
_NETWORK_TRIALS: Mapping[str, str] = {
    "frozen, all layers; 30 epochs": "attention tuned_layers=0 epochs=30 learning_rate=0.001",
    "the same, with speed perturbation": "attention tuned_layers=0 epochs=30 learning_rate=0.001 copies",
    "last layer fine-tuned; 12 epochs, learning rate 0.0002": (
        "attention tuned_layers=1 epochs=12 learning_rate=0.0002"
    ),
    "the same, with speed perturbation; 20 epochs, 0.0005": (
        "attention tuned_layers=1 epochs=20 learning_rate=0.0005 copies"
    ),
}


def scores(metrics: Path) -> str:
    """Tabulate both ensembles by protocol."""
    found = read(metrics / "whisper.json")
    rows = []
    for protocol, title in PROTOCOLS.items():
        for model, name in MODELS.items():
            it = found[protocol][model]
            figures = [percent(it["uar"]), interval_of(it), percent(it["accuracy"]), percent(it["macro_f1"])]
            rows.append([title, name, *figures])
    return markdown(["protocol", "model", "UAR", "95 % interval", "accuracy", "macro-F1"], rows)


def brief(metrics: Path) -> str:
    """Tabulate UAR alone, and below it what a UAR under LUNA5 is without Whisper."""
    found = read(metrics / "whisper.json")
    rows = [
        [name, *(percent(found[protocol][model]["uar"]) for protocol in PROTOCOLS)]
        for model, name in MODELS.items()
    ]
    return markdown(["UAR, %", *PROTOCOLS.values()], rows)


def lda_trials(metrics: Path) -> str:
    """Tabulate the gain by each part of the LDA ensemble on inner folds."""
    means = trial_means(metrics / "search" / "whisper_trials.csv")
    rows = [
        [name, ", ".join(percent(means[trial, _LDA]) for trial in trials)]
        for name, trials in _LDA_TRIALS.items()
    ]
    return markdown(["LDAs on", "UAR, mean of four inner folds"], rows)


def network_trials(metrics: Path) -> str:
    """Tabulate the networks on Whisper's frames, on the same inner folds."""
    means = trial_means(metrics / "search" / "whisper_trials.csv")
    rows = [
        [name, percent(means[trial, "network"]), percent(means[trial, "both"])]
        for name, trial in _NETWORK_TRIALS.items()
    ]
    return markdown(["network on Whisper's frames", "UAR", "geometric mean with the LDAs"], rows)
