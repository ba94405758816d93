"""Tables of the model card: scores, groups of clips and calibration of the recipe that is exported."""

from pathlib import Path

from ser.export.summary import MODEL
from tools.result_tables.cells import interval_of, markdown, percent, read, with_interval
from tools.result_tables.luna5 import ranked

_INDEXED = (
    ("uar", "recall", "Unweighted average recall (UAR)"),
    ("accuracy", "accuracy", "Accuracy"),
    ("macro_f1", "f1", "Macro-F1"),
)
"""Of a score: its key, its type on the hub, and its title."""
_GROUPS = (
    ("female actors", "per_gender", "female"),
    ("male actors", "per_gender", "male"),
    ("normal intensity, neutral left out", "per_intensity", "normal_without_neutral"),
    ("strong intensity", "per_intensity", "strong"),
    ('"Kids are talking by the door"', "per_statement", "kids"),
    ('"Dogs are sitting by the door"', "per_statement", "dogs"),
)


def model_index(metrics: Path) -> str:
    """Write the exported recipe's scores in YAML, as the heading of a model card has them."""
    scores = read(metrics / "luna5" / f"{MODEL}.json")
    lines = [
        "model-index:",
        "  - name: ravdess-ser",
        "    results:",
        "      - task:",
        "          type: audio-classification",
        "          name: Speech emotion recognition",
        "        dataset:",
        "          type: ravdess",
        "          name: RAVDESS speech, LUNA5 (five folds by actor; the recipe, not the exported weights)",
        "        metrics:",
    ]
    for name, kind, title in _INDEXED:
        lines += [
            f"          - type: {kind}",
            f"            name: {title}",
            f"            value: {scores[name]}",
        ]
    return "\n".join(lines)


def exported(metrics: Path) -> str:
    """Tabulate the scores of the exported model's recipe."""
    scores = read(metrics / "luna5" / f"{MODEL}.json")
    row = [
        percent(scores["uar"]),
        interval_of(scores),
        percent(scores["accuracy"]),
        percent(scores["macro_f1"]),
    ]
    return markdown(["UAR, %", "95 % interval", "accuracy", "macro-F1"], [row])


def everywhere(metrics: Path) -> str:
    """Tabulate both exported models on unseen speakers and corpora."""
    general, unseen = read(metrics / "cross_corpus.json"), read(metrics / "unseen_corpora.json")
    rows = {
        "`general`": (
            general["ravdess"]["clean"]["chosen"],
            general["nemo_speakers"]["chosen"],
            unseen["general"]["emodb"],
        ),
        "`ravdess`": (
            read(metrics / "luna5" / f"{MODEL}.json"),
            unseen["ravdess"]["nemo"],
            unseen["ravdess"]["emodb"],
        ),
    }
    heading = ["UAR, % (95 % interval)", "RAVDESS, LUNA5", "nEMO", "EMO-DB"]
    return markdown(heading, [[name, *map(with_interval, found)] for name, found in rows.items()])


def groups(metrics: Path) -> str:
    """Tabulate the exported model's recipe by group of clips."""
    details = read(metrics / "details.json")["luna5"][MODEL]
    actors = details["per_actor"]
    by_uar = ranked(actors)
    found = [(title, details[kind][name]) for title, kind, name in _GROUPS]
    found += [(f"worst actor ({by_uar[0]})", actors[by_uar[0]])]
    found += [(f"best actor ({by_uar[-1]})", actors[by_uar[-1]])]
    rows = [[title, percent(scores["uar"]), percent(scores["accuracy"])] for title, scores in found]
    return markdown(["clips of", "UAR, %", "accuracy"], rows)


def calibration(metrics: Path) -> str:
    """Tabulate the effect of temperature scaling on the exported recipe, by what it is fitted to."""
    by_fold = read(metrics / "calibration.json")[MODEL]
    pooled = read(metrics / "final_calibration.json")
    found = [
        ("none", None, pooled["before"]),
        ("each fold's validation actors", by_fold["temperature"], by_fold["after"]),
        ("all the other folds", pooled["temperature_of_other_folds"], pooled["after"]),
    ]
    rows = []
    for name, temperature, quality in found:
        ends = "" if temperature is None else f"{temperature['least']:.2f} to {temperature['greatest']:.2f}"
        others = (f"{quality[key]:.3f}" for key in ("nll", "brier", "aurc"))
        rows.append([name, ends, f"{100 * quality['ece']:.2f}", *others])
    return markdown(["temperature fitted to", "temperature", "ECE, %", "NLL", "Brier", "AURC"], rows)
