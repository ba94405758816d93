"""Tables of DTW alignment to reference utterances: scores, gains, and the trials on inner folds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.result_tables.cells import (
    SPEAKER_INDEPENDENT,
    Scores,
    interval_of,
    markdown,
    percent,
    points_of,
    read,
    trial_means,
    with_spread,
)

MODELS: Mapping[str, str] = {
    "plain_lda": "LDA on functionals",
    "pitch_lda": "LDA on functionals and F0",
    "aligned_lda": "LDA on functionals, F0 and DTW-aligned segments",
    "logmel_cnn": "log-mel CNN",
    "aligned_fused": "late fusion: CNN and DTW LDA",
    "aligned_ensemble": "late fusion: three CNNs and DTW LDA",
}
_BRIEF = ("plain_lda", "aligned_lda", "logmel_cnn", "aligned_fused")
_GAINS: Mapping[str, str] = {"pitch": "F0", "in_step": "DTW alignment", "network": "the CNN"}
_DESIGN = "parts=24 n_mfcc=30 templates=2"
_TRIALS: Mapping[str, tuple[str, ...]] = {
    "the design: two reference utterances, 24 segments, 30 MFCC": (_DESIGN,),
    "one reference utterance": ("parts=24 n_mfcc=30 templates=1",),
    "mean of the sentence not subtracted": (f"{_DESIGN} sentence kept",),
    "segments of equal length, no DTW": ("parts=24 n_mfcc=30 evenly",),
    "no segments": (f"{_DESIGN} without step",),
    "no F0": (f"{_DESIGN} without pitch",),
    "8, 12 or 36 segments": tuple(f"parts={count} n_mfcc=30 templates=2" for count in (8, 12, 36)),
    "13, 20 or 40 MFCC": tuple(f"parts=24 n_mfcc={count} templates=2" for count in (13, 20, 40)),
}


def scores(metrics: Path) -> str:
    """Tabulate the models by protocol."""
    return by_protocol(read(metrics / "aligned.json"), MODELS, SPEAKER_INDEPENDENT)


def brief(metrics: Path) -> str:
    """Tabulate the main steps under LUNA5."""
    found = read(metrics / "aligned.json")["luna5"]
    rows = [[MODELS[model], with_spread(found[model]), interval_of(found[model])] for model in _BRIEF]
    return markdown(["LUNA5", "UAR, %", "95 % interval"], rows)


def gains(metrics: Path) -> str:
    """Tabulate what each input adds, and the proportion of clips whose sentence was identified."""
    found = read(metrics / "aligned.json")
    table = gains_by_protocol(found, _GAINS)
    shares = [percent(share) for share in found["sentences_found"].values()]
    return "\n".join([table, f"| sentence identified, % of test clips | {' | '.join(shares)} |"])


def trials(metrics: Path) -> str:
    """Tabulate the gain by each part of the design on inner folds."""
    means = trial_means(metrics / "search" / "aligned_trials.csv")
    rows = [
        [name, ", ".join(percent(means[trial, "lda"]) for trial in settings)]
        for name, settings in _TRIALS.items()
    ]
    return markdown(["LDA", "UAR, mean of four inner folds"], rows)


def by_protocol(found: dict[str, Any], models: Mapping[str, str], protocols: Mapping[str, str]) -> str:
    """Tabulate UAR, a row a model and a column a protocol, with the interval of the first protocol.

    Parameters
    ----------
    found
        Scores by protocol and model; not every model was run under every protocol.
    models, protocols
        Names of models and protocols for the table, by their keys in `found`.
    """
    first, *others = protocols.values()
    rows = []
    for model, name in models.items():
        of: list[Scores | None] = [found[protocol].get(model) for protocol in protocols]
        cells = [with_spread(it) for it in of]
        cells.insert(1, interval_of(of[0]) if of[0] else "")
        rows.append([name, *cells])
    return markdown(["UAR, %", first, f"{first}, 95 % interval", *others], rows)


def gains_by_protocol(found: dict[str, Any], gains: Mapping[str, str]) -> str:
    """Tabulate differences of UAR with their intervals, a row a gain and a column a protocol."""
    rows = []
    for what, name in gains.items():
        of = [found["adds"][protocol].get(what) for protocol in SPEAKER_INDEPENDENT]
        rows.append([name, *(points_of(it["uar"], it["low"], it["high"]) if it else "" for it in of)])
    return markdown(["gain, percentage points", *SPEAKER_INDEPENDENT.values()], rows)
