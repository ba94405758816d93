"""Tables of sure and likely answers: how many there are, how often they are right, and on neutral prompts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ser.recognizer.certainty import NOT_SURE, SURE, WORDS
from tools.result_tables.cells import markdown, percent, read

MODELS = ("general", "ravdess")
_CONDITIONS = {
    "ravdess": "RAVDESS, left-out speakers",
    "ravdess_corrupted": "the same, corrupted",
    "nemo_speakers": "nEMO, left-out speakers",
    "nemo": "nEMO, unseen",
    "emodb": "EMO-DB, unseen",
}
_TRUST = "trust.json"


def words(metrics: Path) -> str:
    """Tabulate share and accuracy of each word, beside those of the two words of a single threshold."""
    found = read(metrics / _TRUST)
    heading = ["model", "tested on", *WORDS, "before: answered", f"before: {NOT_SURE}"]
    rows = [
        [f"`{model}`", name, *(_share(of[word]) for word in WORDS), *map(_share, of["before"].values())]
        for model in MODELS
        for name, of in _measured(found, model)
    ]
    return markdown([*heading[:2], *(f"{it}: share, right, %" for it in heading[2:])], rows)


def areas(metrics: Path) -> str:
    """Tabulate the area under the risk-coverage curve, by what orders the answers."""
    found = read(metrics / _TRUST)
    rows = [
        [f"`{model}`", name, *(f"{of['aurc'][key]:.3f}" for key in ("confidence", "agreement"))]
        for model in MODELS
        for name, of in _measured(found, model)
    ]
    return markdown(["AURC", "tested on", "by confidence", "by agreement"], rows)


def thresholds(metrics: Path) -> str:
    """Tabulate from which confidence an answer is sure or likely."""
    found = read(metrics / _TRUST)
    rows = [
        [
            f"`{model}`",
            *(f"{100 * found[model]['thresholds'][key]:g}" for key in ("sure_from", "likely_from")),
        ]
        for model in MODELS
    ]
    return markdown(["model", "sure from a confidence of, %", "likely from, %"], rows)


def prompts(metrics: Path) -> str:
    """Tabulate sure answers of an emotion on prompts that are spoken neutrally."""
    heading = ["prompts", "answers"]
    if not (metrics / "prompts.json").exists():
        return markdown(heading, [["all", "not measured yet"]])
    found = read(metrics / "prompts.json")["models"]
    for model in found:
        heading += [f"`{model}`: {SURE}, %", f"`{model}`: {SURE}, neither neutral nor calm, %"]
    by_model = [{**it["sets"], "all": it["all"]} for it in found.values()]
    rows = []
    for name, counts in by_model[0].items():
        cells = [
            cell
            for sets in by_model
            for cell in (percent(sets[name][SURE] / sets[name]["answers"]), percent(sets[name]["share"]))
        ]
        rows.append([name, str(counts["answers"]), *cells])
    return markdown(heading, rows)


def _measured(found: dict[str, Any], model: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for condition, name in _CONDITIONS.items():
        if condition in found[model]["measured"]:
            yield name, found[model]["measured"][condition]


def _share(of: dict[str, float]) -> str:
    right = "" if of["accuracy"] is None else f", {percent(of['accuracy'])}"
    return f"{percent(of['share'])}{right}"
