"""Tables of training with a second corpus: scores on corpora and speakers that took no part, and settings."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.result_tables.cells import markdown, percent, points_of, read, with_interval

MODELS: Mapping[str, str] = {
    "chosen": "best of all settings",
    "ravdess": "RAVDESS alone",
    "uncentred": "RAVDESS and nEMO, not centred",
    "centred": "RAVDESS and nEMO, centred",
}
_NONE = "not measured yet"
_FILE = "cross_corpus.json"
_PEERS_FILE = "peers.json"
_TRAINED: Mapping[str, tuple[str, ...]] = {"RAVDESS": ("ravdess",), "RAVDESS and nEMO": ("ravdess", "nemo")}
_PEERS: Mapping[str, tuple[str, str]] = {
    "nkululeko, SVM": ("svm", "standard"),
    "nkululeko, XGBoost": ("xgb", "standard"),
    "nkululeko, SVM, scaled per speaker": ("svm", "speaker"),
    "nkululeko, XGBoost, scaled per speaker": ("xgb", "speaker"),
}
"""Classifier and scaling of each peer."""
_TESTED: Mapping[str, tuple[str, ...]] = {
    "EMO-DB, unseen": ("emodb",),
    "nEMO, unseen": ("nemo",),
    "nEMO, left-out speakers": ("nemo_speakers",),
    "RAVDESS, left-out speakers": ("ravdess", "clean"),
    "the same, corrupted": ("ravdess", "corrupted"),
}
"""By its heading, where a column's scores stand."""


def scores(metrics: Path) -> str:
    """Tabulate each model's UAR on what it was not trained on."""
    heading = ["UAR, % (95 % interval)", *_TESTED]
    if not (metrics / _FILE).exists():
        return markdown(heading, _unmeasured(len(_TESTED)))
    found = read(metrics / _FILE)
    rows = [
        [name, *(with_interval(_at(found, keys).get(model)) for keys in _TESTED.values())]
        for model, name in _different(found).items()
    ]
    return markdown(heading, rows)


def gains(metrics: Path) -> str:
    """Tabulate by how much the chosen model is better than the others."""
    tested = {name: keys for name, keys in _TESTED.items() if keys != ("nemo",)}
    heading = ["chosen model's gain over, percentage points", *tested]
    if not (metrics / _FILE).exists():
        return markdown(heading, _unmeasured(len(tested), "chosen"))
    found = read(metrics / _FILE)
    rows = [
        [name, *(points_of(*_at(found["differences"], keys)[model].values()) for keys in tested.values())]
        for model, name in _different(found).items()
        if model != "chosen"
    ]
    return markdown(heading, rows)


def settings(metrics: Path) -> str:
    """Tabulate each model's setting, and its mean UAR on held-out clips of the development corpora."""
    heading = ["", "shrinkage", "weight", "centred", "nEMO's copies", "blend", "mean UAR in development, %"]
    if not (metrics / _FILE).exists():
        return markdown(heading, _unmeasured(len(heading) - 1))
    found = read(metrics / _FILE)
    rows = []
    for model, name in _different(found).items():
        of = found["chosen"] if model == "chosen" else found["compared"][model]
        mean = percent(found["development"]["uar"][model]["mean"])
        rows.append([name, *_setting(of), mean])
    return markdown(heading, rows)


def _different(found: Mapping[str, Any]) -> dict[str, str]:
    """Give the chosen model, and those whose setting is another."""
    compared = {name for name, setting in found["compared"].items() if setting != found["chosen"]}
    return {model: name for model, name in MODELS.items() if model in {"chosen", *compared}}


def peers(metrics: Path) -> str:
    """Tabulate the UAR on EMO-DB of another toolkit beside that of the models here."""
    heading = ["UAR on EMO-DB, % (95 % interval); trained on", *_TRAINED]
    rows = [["LDAs on Whisper's layers", *[_NONE] * len(_TRAINED)]]
    if (metrics / _FILE).exists():
        found = read(metrics / _FILE)["emodb"]
        rows = [[rows[0][0], *(with_interval(found[model]) for model in ("ravdess", "chosen"))]]
    runs = read(metrics / _PEERS_FILE)["rows"] if (metrics / _PEERS_FILE).exists() else []
    scored = {(it["classifier"], it["scale"], *it["train"]): with_interval(it) for it in runs}
    rows += [
        [name, *(scored.get((*peer, *train), _NONE) for train in _TRAINED.values())]
        for name, peer in _PEERS.items()
    ]
    return markdown(heading, rows)


def _setting(of: Mapping[str, Any]) -> list[str]:
    if not of["weight"]:
        return [f"{of['shrinkage']:g}", "0", "", "", ""]
    flags = ["yes" if of[key] else "no" for key in ("centred", "copies")]
    return [f"{of['shrinkage']:g}", f"{of['weight']:g}", *flags, f"{of['blend']:g}"]


def _at(found: Mapping[str, Any], keys: tuple[str, ...]) -> Mapping[str, Any]:
    for key in keys:
        found = found[key]
    return found


def _unmeasured(n_columns: int, *without: str) -> Iterator[list[str]]:
    for model, name in MODELS.items():
        if model not in without:
            yield [name, *[_NONE] * n_columns]
