"""Choose from which confidence an answer is sure or likely, and measure what these words are worth.

general   of RAVDESS and nEMO, in the setting that score_corpora chose. Its thresholds are chosen on four
          tests of models like it: speakers of either corpus left out, and either corpus as a whole
ravdess   of RAVDESS alone. Its tests: RAVDESS's speakers left out, by the folds of LUNA5, and nEMO

A threshold is the least at which the rule in params.yaml holds. EMO-DB is read after that, and scored once by
each. All clips of emotions that a model knows are scored, and an answer that is none of the tested corpus's
emotions is wrong.

Reads   metrics/cross_corpus.json, metrics/general_calibration.json, metrics/final_calibration.json;
        models/cross_corpus, models/final, models/layers; data/clips.parquet, data/splits/luna5.parquet,
        data/features/{clean,corrupted}/layers.npy, data/cross_corpus/nemo/{clips.parquet,layers.npy,
        copies.npy,draws.parquet}, data/cross_corpus/emodb/{clips.parquet,layers.npy}
Writes  metrics/trust.json                 thresholds, and by word the share and accuracy of answers
        figures/trust/risk_coverage.png    accuracy by coverage
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from experiments.cross_corpus.clips import Clips
from experiments.cross_corpus.figures import risk_coverage
from experiments.cross_corpus.inputs import FIRST, SECOND, TEST, read_corpus, read_development
from experiments.cross_corpus.params import CrossCorpusParams, ScoreTrust
from experiments.cross_corpus.protocol import held_out, without_other_copies
from experiments.cross_corpus.training import Setting, Training, gather
from experiments.cross_corpus.trust import Rule, answer, choose_thresholds, worth
from ser.errors import InputError
from ser.figures.style import save
from ser.files import replacing, write_json
from ser.models.layers.linear import LinearLayers, read_linear
from ser.params import load, load_params
from ser.recognizer.bundle_format import GENERAL, RAVDESS, read_arrays
from ser.recognizer.certainty import Thresholds
from stages import command

FIGURE = Path("figures/trust")
MEASURED = {
    "ravdess": "RAVDESS, left-out speakers",
    "ravdess_corrupted": "the same, corrupted",
    "nemo_speakers": "nEMO, left-out speakers",
    "nemo": "nEMO, unseen",
    "emodb": "EMO-DB, unseen",
}
"""Conditions by their keys, in the order of the figure; a model has some of them."""
Answers = dict[str, pd.DataFrame]


def general_answers(development: Clips, setting: Setting, *, temperature: float) -> Answers:
    """Answer for whoever is left out by models of all others.

    Returns
    -------
    dict of str to pandas.DataFrame
        As of `answer`: ``ravdess``, ``ravdess_corrupted`` and ``nemo_speakers``, of left-out speakers;
        ``ravdess_unseen`` and ``nemo``, of corpora that were left out.
    """
    groups = gather(development)
    parts: dict[str, list[pd.DataFrame]] = {}
    scored = without_other_copies(development, first=FIRST)
    for part in held_out(groups):
        linear = Training.of(groups, first=FIRST, without=part.groups).model(setting)
        clips = part.clips_of(scored)
        name = part.corpus
        if part.kind == "corpus":
            clips = clips.take(~clips.corrupted & np.isfinite(linear.biases[0])[clips.y])
            name = {FIRST: f"{FIRST}_unseen", SECOND: SECOND}[part.corpus]
        elif part.corpus == SECOND:
            name = f"{SECOND}_speakers"
        for kind, rows in (("", ~clips.corrupted), ("_corrupted", clips.corrupted)):
            if rows.any():
                answers = answer(linear, clips.take(rows), temperature=temperature)
                parts.setdefault(f"{name}{kind}", []).append(answers)
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def ravdess_answers(development: Clips, exported: LinearLayers, *, temperature: float) -> Answers:
    """Answer for RAVDESS's speakers by the models of LUNA5, and for nEMO by the one that is exported."""
    parts: dict[str, list[pd.DataFrame]] = {}
    of_first = development.take(development.corpus == FIRST)
    for fold in np.unique(of_first.fold):
        linear = read_linear(Path("models/layers"), model="layers_lda", fold=int(fold))
        for name, corrupted in ((FIRST, False), (f"{FIRST}_corrupted", True)):
            clips = of_first.take((of_first.fold == fold) & (of_first.corrupted == corrupted))
            parts.setdefault(name, []).append(answer(linear, clips, temperature=temperature))
    found = {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}
    second = development.take((development.corpus == SECOND) & ~development.corrupted)
    return {**found, SECOND: answer(exported, second, temperature=temperature)}


def choose(answers: Answers, tests: Iterable[str], own: ScoreTrust) -> Thresholds:
    """Choose the thresholds of a model by its answers in some tests."""
    rules = {word: Rule(**getattr(own, word).model_dump()) for word in ("sure", "likely")}
    return choose_thresholds([answers[it] for it in tests], **rules, agreement_from=own.agreement_from)


def read_value(path: str, key: str, *, stage: str) -> Any:
    """Read a value from the metrics of another stage."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, LookupError) as error:
        raise InputError(f"{path}: lacks {key} ({error}); run the stage {stage}") from error


def describe(
    answers: Answers, thresholds: Thresholds, tests: Iterable[str], *, answered_from: float
) -> Mapping[str, Any]:
    """Give what metrics/trust.json has of a model."""

    def worths(names: Iterable[str]) -> dict[str, Any]:
        return {name: worth(answers[name], thresholds, answered_from=answered_from) for name in names}

    return {
        "thresholds": asdict(thresholds),
        "development": worths(tests),
        "measured": worths(name for name in MEASURED if name in answers),
    }


def main() -> None:
    """Choose thresholds, and only then read and score the test corpus."""
    command.parser(__doc__).parse_args()
    params = load_params()
    own = load("experiments/cross_corpus/params.yaml", CrossCorpusParams)
    setting = Setting(**read_value("metrics/cross_corpus.json", "chosen", stage="score_corpora"))
    temperatures = {
        name: float(read_value(path, "temperature", stage=stage))
        for name, path, stage in (
            (GENERAL, "metrics/general_calibration.json", "calibrate_general"),
            (RAVDESS, "metrics/final_calibration.json", "calibrate_final"),
        )
    }
    exported = {
        GENERAL: read_linear(Path("models/cross_corpus"), model="chosen", fold=0),
        RAVDESS: read_arrays(Path("models/final/ravdess.npz")),
    }
    tests = {
        GENERAL: (FIRST, f"{SECOND}_speakers", f"{FIRST}_unseen", SECOND),
        RAVDESS: (FIRST, SECOND),
    }
    # With more threads the last digits would depend on their number.
    with threadpool_limits(1):
        development = read_development(
            list(params.encode_layers.copies),
            n_folds=own.score_corpora.speaker_folds,
            with_copies=setting.copies,
        )
        answers = {
            GENERAL: general_answers(development, setting, temperature=temperatures[GENERAL]),
            RAVDESS: ravdess_answers(development, exported[RAVDESS], temperature=temperatures[RAVDESS]),
        }
        chosen = {name: choose(answers[name], tests[name], own.score_trust) for name in answers}
        test = read_corpus(TEST)
        for name, linear in exported.items():
            answers[name][TEST] = answer(linear, test, temperature=temperatures[name])
    before = own.score_trust.answered_from
    found = {
        name: describe(answers[name], chosen[name], tests[name], answered_from=before) for name in answers
    }
    figure = risk_coverage(
        {name: {key: of[key] for key in MEASURED if key in of} for name, of in answers.items()},
        chosen,
        names=MEASURED,
    )
    with replacing(FIGURE) as folder:
        folder.mkdir(parents=True, exist_ok=True)
        save(figure, folder / "risk_coverage.png")
        write_json("metrics/trust.json", found)
    for name, of in found.items():
        print(f"{name}: sure from {chosen[name].sure_from:g}, likely from {chosen[name].likely_from:g}")
        for condition, by_word in of["measured"].items():
            shares = (f"{word} {by_word[word]['share']:.0%}" for word in ("sure", "likely"))
            print(f"  {MEASURED[condition]}: {', '.join(shares)}")


if __name__ == "__main__":
    command.run(main)
