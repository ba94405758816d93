"""Tables of unsupervised adaptation to a set-up and to a speaker: what each method changes, in which mix."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.result_tables.cells import markdown, percent, points_of, read

_FILE = "adaptation_of_layers.json"
_NONE = "not measured yet"
_CLIPS = "16"
"""Number of clips in the tables by mix."""
_FEWEST_DRAWS = 5
_KINDS: Mapping[str, str] = {"set_up": "set-up", "speaker": "speaker"}
CORPORA: Mapping[str, str] = {
    "ravdess": "RAVDESS, left-out speakers",
    "ravdess_line": "the same, telephone lines",
    "ravdess_babble": "the same, babble",
    "nemo": "nEMO, unseen",
    "nemo_speakers": "nEMO, left-out speakers",
    "emodb": "EMO-DB, unseen",
}
MIXES: Mapping[str, str] = {
    "balanced": "balanced",
    "neutral_70": "70 % neutral",
    "neutral": "neutral alone",
    "one_emotion": "another one alone",
}
METHODS: Mapping[str, str] = {
    "mean": "mean",
    "one_step": "one step (shipped)",
    "many_steps": "eight steps",
}


def _by_mix(kind: str) -> Callable[[Path], str]:
    def table(metrics: Path) -> str:
        heading = [
            f"adapted to a {_KINDS[kind]} by {_CLIPS} clips",
            "mix",
            "without",
            *METHODS.values(),
            "warned",
        ]
        return markdown(heading, _rows(metrics, kind, len(heading)))

    return table


def _rows(metrics: Path, kind: str, width: int) -> Iterator[list[str]]:
    if not (metrics / _FILE).exists():
        yield [_NONE] * width
        return
    found = read(metrics / _FILE)
    threshold = f"{found['one_sided_below']:g}"
    for corpus, title in CORPORA.items():
        for mix, mix_title in MIXES.items():
            it = found[kind].get(corpus, {}).get(mix, {}).get(_CLIPS)
            if it is None or it["draws"] < _FEWEST_DRAWS:
                continue
            changes = [f"{_points(it[name]['uar'])} / {_points(it[name]['accuracy'])}" for name in METHODS]
            before = f"{percent(it['uar'])} / {_percent(it['accuracy'])}"
            warned = f"{100 * it['looks_one_sided'][threshold]:.0f} %"
            yield [title, mix_title, before, *changes, warned]


def by_number(metrics: Path) -> str:
    """Tabulate what the shipped method gains with clips of all emotions alike, by their number."""
    numbers = ("4", "8", "16", "32", "64")
    heading = ["UAR gained by one step, balanced clips", *(f"{it} clips" for it in numbers)]
    if not (metrics / _FILE).exists():
        return markdown(heading, [[_NONE] * len(heading)])
    found = read(metrics / _FILE)
    rows = [
        [f"{title}, by {_KINDS[kind]}", *(_gain(found[kind][corpus]["balanced"].get(it)) for it in numbers)]
        for kind in _KINDS
        for corpus, title in CORPORA.items()
        if corpus in found[kind]
    ]
    return markdown(heading, rows)


def thresholds(metrics: Path) -> str:
    """Tabulate the thresholds that were tried for the warning, on RAVDESS and nEMO."""
    heading = [
        "warned below",
        "worst change of accuracy, unwarned",
        "the same, corrupted copies",
        "balanced, warned",
        "one emotion, warned",
    ]
    if not (metrics / _FILE).exists():
        return markdown(heading, [[_NONE] * len(heading)])
    rows = [
        [
            f"{threshold} emotions",
            _points(it["accuracy"]),
            _points(it["accuracy_of_copies"]),
            f"at most {percent(it['false_alarms'])} %",
            f"{percent(it['caught'])} %",
        ]
        for threshold, it in read(metrics / _FILE)["thresholds"].items()
    ]
    return markdown(heading, rows)


set_up, speaker = _by_mix("set_up"), _by_mix("speaker")
"""Functions of the folder of metrics: by corpus and mix, changes of UAR and of accuracy by each method."""


def _gain(it: Mapping[str, Any] | None) -> str:
    if it is None or it["draws"] < _FEWEST_DRAWS:
        return ""
    return points_of(*(it["one_step"][key] for key in ("uar", "low", "high")))


def _points(difference: float | None) -> str:
    return "-" if difference is None else f"{100 * difference:+.1f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else percent(share)
