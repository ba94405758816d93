"""Tables of knowledge distillation: students, hard-label baselines, gains, trials on inner folds."""

from collections.abc import Mapping
from pathlib import Path

from tools.result_tables.cells import PROTOCOLS, interval_of, markdown, percent, points_of, read, trial_means
from tools.result_tables.experiments.dtw import by_protocol, gains_by_protocol

MODELS: Mapping[str, str] = {
    "aligned_lda": "DTW LDA, hard-label baseline",
    "taught_lda": "DTW LDA, student",
    "logmel_cnn": "log-mel CNN, hard-label baseline",
    "taught_cnn": "log-mel CNN, student",
    "untaught_fused": "late fusion, hard-label baseline",
    "taught_fused": "late fusion, students",
    "taught_ensemble": "late fusion, three CNN students and LDA student",
}
GAINS: Mapping[str, str] = {"lda": "DTW LDA", "network": "log-mel CNN", "mean": "late fusion of the two"}
_PAIRS: Mapping[str, tuple[str, str]] = {
    "lda": ("aligned_lda", "taught_lda"),
    "network": ("logmel_cnn", "taught_cnn"),
    "mean": ("untaught_fused", "taught_fused"),
}
_ADAPTED = "teacher=adapted to each speaker"
_PROBES: Mapping[str, tuple[str, str, str]] = {
    "hard labels": ("share=0 epochs=60", "", "share=0"),
    "half of a label is the teacher's posterior": (
        "share=0.5 epochs=60",
        "share=0.5 epochs=120",
        "share=0.5",
    ),
    "four fifths are": ("share=0.8 epochs=60", "", "share=0.8"),
    "half; the teacher adapted to each speaker": (
        f"share=0.5 epochs=60 {_ADAPTED}",
        "",
        f"share=0.5 {_ADAPTED}",
    ),
}
"""Of each probe: the CNN's settings with 60 and with 120 epochs, and those of the LDA but its shrinkage."""
_KEPT: Mapping[str, str] = {
    "soft labels": "share=0.5 epochs=120",
    "soft labels, shuffled within each emotion": "share=0.5 shuffled epochs=120",
}


def scores(metrics: Path) -> str:
    """Tabulate students and hard-label baselines by protocol."""
    return by_protocol(read(metrics / "taught.json"), MODELS, PROTOCOLS)


def brief(metrics: Path) -> str:
    """Tabulate the gain by soft labels under LUNA5."""
    found = read(metrics / "taught.json")
    rows = []
    for what, (hard, soft) in _PAIRS.items():
        gain = found["adds"]["luna5"][what]
        of = found["luna5"]
        rows.append(
            [
                GAINS[what],
                percent(of[hard]["uar"]),
                f"{percent(of[soft]['uar'])} ({interval_of(of[soft])})",
                points_of(gain["uar"], gain["low"], gain["high"]),
            ]
        )
    heading = [
        "UAR under LUNA5, %",
        "hard-label baseline",
        "student (95 % interval)",
        "gain, percentage points",
    ]
    return markdown(heading, rows)


def gains(metrics: Path) -> str:
    """Tabulate what soft labels add by protocol."""
    return gains_by_protocol(read(metrics / "taught.json"), GAINS)


def probes(metrics: Path) -> str:
    """Tabulate the trials that settled the design."""
    means = trial_means(metrics / "search" / "taught_trials.csv")

    def network(settings: str) -> str:
        return percent(means[f"probe: {settings}", "network"]) if settings else ""

    def best_lda(settings: str) -> str:
        return percent(
            max(
                mean
                for (trial, model), mean in means.items()
                if model == "lda" and trial.startswith(f"probe: {settings} lda_shrinkage=")
            )
        )

    rows = [
        [name, network(short), network(long), best_lda(lda)] for name, (short, long, lda) in _PROBES.items()
    ]
    heading = ["labels", "CNN, 60 epochs", "CNN, 120 epochs", "LDA at its best shrinkage"]
    return markdown(heading, rows)


def shuffled(metrics: Path) -> str:
    """Tabulate soft labels, and the same permuted within each emotion."""
    means = trial_means(metrics / "search" / "taught_trials.csv")
    rows = [
        [name, *(percent(means[settings, model]) for model in ("network", "lda", "both"))]
        for name, settings in _KEPT.items()
    ]
    return markdown(["UAR, mean of four inner folds", "CNN", "LDA", "geometric mean"], rows)
