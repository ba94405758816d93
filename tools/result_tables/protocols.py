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
    measured = read_protocols(metrics)
    models = dict.fromkeys(model for results in measured.values() for model in results)
    rows = [
        [table_name(model), *(_uar_cell(results.get(model)) for results in measured.values())]
        for model in models
    ]
    for encoder, published in EMOBOX_UAR.items() if "emobox6" in measured else ():
        cells = [percent(published) if name == "emobox6" else "" for name in measured]
        rows.append([f"{encoder}, frozen, as published by EmoBox", *cells])
    return markdown(["UAR, % (95 % interval)", *(TITLES[name] for name in measured)], rows)


def brief(metrics: Path) -> str:
    """Tabulate UAR alone, LUNA5 first, and how far the random split exceeds it."""
    luna5, further = read(metrics / "summary.json")["luna5"], read_protocols(metrics)
    rows = []
    for model in dict.fromkeys(model for results in further.values() for model in results):
        uars = [results[model]["uar"] if model in results else None for results in (luna5, *further.values())]
        split_at_random = further["article"].get(model)
        gain = f"{100 * (split_at_random['uar'] - luna5[model]['uar']):+.1f}" if split_at_random else ""
        rows.append([table_name(model), *("" if uar is None else percent(uar) for uar in uars), gain])
    heading = [
        "UAR, %",
        *(PROTOCOLS[name] for name in ("luna5", *further)),
        "random split minus LUNA5, percentage points",
    ]
    return markdown(heading, rows)


def read_protocols(metrics: Path) -> dict[str, dict[str, Scores]]:
    """Read the scores under each further protocol that was run, by protocol and model.

    Those of the LDAs on Whisper's layers, which are in a file of their own, come first.

    Raises
    ------
    InputError
        Where none was run.
    """
    folder = metrics / "protocols"
    files = {path.stem: read(path) for path in folder.glob("*.json")}
    layers = files.pop("layers", {})
    found = {name: {**layers.get(name, {}), **files.get(name, {})} for name in TITLES}
    if not any(found.values()):
        raise InputError(f"{folder}: no results; experiments/protocols writes them")
    return {name: results for name, results in found.items() if results}


def _uar_cell(scores: Scores | None) -> str:
    if not scores:
        return ""
    spread, n_seeds = scores["uar_sd"], len(scores["seeds"])
    seeds = "" if spread is None else f" ± {percent(spread)}, {n_seeds} seeds"
    return f"{percent(scores['uar'])}{seeds} ({interval_of(scores)})"
