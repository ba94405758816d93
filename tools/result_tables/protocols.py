"""Tables of the main pipeline's models under further protocols."""

from collections.abc import Mapping
from pathlib import Path

from ser.errors import InputError
from tools.result_tables.cells import PROTOCOLS, Scores, interval_of, markdown, percent, read
from tools.result_tables.models import table_name

TITLES: Mapping[str, str] = {
    "emobox6": "EMOBOX6: 6 folds by actor",
    "loso": "LOSO: 24 folds, one actor each",
    "article": "random split: every actor in training and test",
}
EMOBOX_UAR: Mapping[str, float] = {
    "Whisper-large-v3": 0.753,
    "WavLM-large": 0.72,
    "HuBERT-large": 0.7,
    "HuBERT-base": 0.654,
    "WavLM-base": 0.616,
    "wav2vec2-base": 0.543,
}
"""UAR of a small classifier on frozen encoders, of RAVDESS under the folds of EMOBOX6, as published.

References
----------
Ma Z et al. (2024). EmoBox: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and Benchmark.
Interspeech. There it is called UA.
"""


def by_protocol(metrics: Path) -> str:
    """Tabulate the UAR of the final models under each further protocol that was run."""
    measured = _measured(metrics)
    rows = [
        [table_name(model), *(_uar_cell(results[model]) for results in measured.values())]
        for model in next(iter(measured.values()))
    ]
    for encoder, published in EMOBOX_UAR.items() if "emobox6" in measured else ():
        cells = [percent(published) if name == "emobox6" else "" for name in measured]
        rows.append([f"{encoder}, frozen, as published by EmoBox", *cells])
    return markdown(["UAR, % (95 % interval)", *(TITLES[name] for name in measured)], rows)


def brief(metrics: Path) -> str:
    """Tabulate UAR alone, LUNA5 first, and how far the random split exceeds it."""
    measured = {"luna5": read(metrics / "summary.json")["luna5"], **_measured(metrics)}
    rows = []
    for model in measured["article"]:
        uars = {name: results[model]["uar"] for name, results in measured.items()}
        gain = f"{100 * (uars['article'] - uars['luna5']):+.1f}"
        rows.append([table_name(model), *(percent(uar) for uar in uars.values()), gain])
    heading = [
        "UAR, %",
        *(PROTOCOLS[name] for name in measured),
        "random split minus LUNA5, percentage points",
    ]
    return markdown(heading, rows)


def _measured(metrics: Path) -> dict[str, dict[str, Scores]]:
    folder = metrics / "protocols"
    found = {name: read(folder / f"{name}.json") for name in TITLES if (folder / f"{name}.json").exists()}
    if not found:
        raise InputError(f"{folder}: no results; experiments/protocols writes them")
    return found


def _uar_cell(scores: Scores) -> str:
    spread, n_seeds = scores["uar_sd"], len(scores["seeds"])
    seeds = "" if spread is None else f" ± {percent(spread)}, {n_seeds} seeds"
    return f"{percent(scores['uar'])}{seeds} ({interval_of(scores)})"
