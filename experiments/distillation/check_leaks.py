"""Leakage tests of teacher, LDA and CNN: label permutation, canary features, held-out removal.

permuted  the labels of the training clips are permuted before the teacher is fitted, and teacher and students
          are trained on the wrong ones; the result must come out at chance level
canary    columns of the LDA encode actor and emotion together; they must not help with unseen speakers. That
          they help where actors are in both splits is tried as well, one repetition against the other
unseen    teacher and students are trained on features from which a fold's test clips were removed; the
          teacher is also given wrong labels of them, the LDA wrong labels and sentences. No prediction may
          change

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/aligned,
        data/features/clean/{whisper,whisper_speaker}.npy, data/taught/luna5_{opinions,lda,cnn}.parquet
Writes  metrics/taught_leaks.json

The LDA is tested on every fold of LUNA5, its shrinkage selected again each time, and once with actors in both
splits; the CNN by permuted and unseen alone, on the first fold with the first seed.
"""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.distillation.lda import TAUGHT_LDA, choose_and_recognise
from experiments.distillation.params import DistillationParams
from experiments.distillation.teacher import TEACHER, opinions, taught_labels
from experiments.dtw.check_leaks import by_repetition, led_by_canary, without_tested
from experiments.dtw.lda import LABELS, AlignedFeatures, choose_templates, sides_of
from experiments.dtw.params import AlignedLda, DtwParams
from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.fold import rows_of
from ser.data.predictions import COLUMNS, PROBABILITIES, prediction_table
from ser.errors import InputError
from ser.evaluation.leak_checks import permuted, without
from ser.evaluation.metrics import uar
from ser.evaluation.scores import tally
from ser.files import read_table, write_json
from ser.models.encoder_views import sides_of as speech_of
from ser.parallel import run_all
from ser.params import LogMelCnn, load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_split

NETWORK_FOLD = 0
NETWORK_TRIALS = ("permuted", "unseen")


@dataclass(frozen=True)
class Settings:
    """Settings of teacher and LDA, as in the stages that are tested for leaks."""

    enrolled: AdaptationParams
    template_actors: list[int]
    lda: AlignedLda
    share: float


def opinions_in(what: str, seed: int, fold: int, settings: Settings) -> pd.DataFrame:
    """Compute the teacher's posteriors for one fold's training clips once more, under a leakage test."""
    views = read_encoder_views()
    clips, split = read_table("data/clips.parquet", LABELS), read_split("luna5")[1]
    if what == "unseen":
        tested = rows_of(clips, split, fold=fold, role="test")
        views = dict(zip(views, without(list(views.values()), tested), strict=True))
        clips.loc[tested, "emotion"] = "neutral"
    elif what == "known":
        split = by_repetition(clips, fold=fold)
    training, _ = speech_of(views, clips, split, fold=fold)
    part = training.part(next(iter(training.views)))
    if what == "permuted":
        part = permuted(part, copies=1, seed=seed)
        training = replace(training, y=part.y)
    about: dict[str, Any] = {"protocol": "luna5", "model": TEACHER, "seed": seed, "fold": fold}
    return prediction_table(part, opinions(training, settings.enrolled), **about)


def recognise(what: str, seed: int, fold: int, told: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Choose, fit and apply the LDA once more on one fold; the form in which workers are called."""
    features = AlignedFeatures.read()
    copies, n_before = len(features.functionals), features.n_before
    clips = read_table("data/clips.parquet", LABELS)
    _, split = read_split("luna5")
    actors = settings.template_actors
    templates = choose_templates(clips, split, fold=fold, actors=actors, count=settings.lda.templates)
    if what == "known":
        split = by_repetition(clips, fold=fold)
    training, test = sides_of(features, clips, split, fold=fold, templates=templates)
    if what == "unseen":
        tested = rows_of(clips, split, fold=fold, role="test")
        lacking, untold = without_tested(features, clips, tested, actors)
        training, _ = sides_of(lacking, untold, split, fold=fold, templates=templates)
    elif what == "permuted":
        training = permuted(training, copies=copies, seed=seed)
    else:
        columns = training.x.shape[1]
        everybody = np.unique(clips["actor"])
        training, test = (led_by_canary(side, actors=everybody) for side in (training, test))
        n_before += training.x.shape[1] - columns
    labels = taught_labels(training, told, share=settings.share)
    found, _ = choose_and_recognise(
        training, labels, test, copies=copies, n_before=n_before, settings=settings.lda
    )
    about: dict[str, Any] = {"protocol": "luna5", "model": what, "seed": seed, "fold": fold}
    return prediction_table(test, found, **about)


def try_out(what: str, seed: int, fold: int, settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit the teacher, then the student LDA: return soft labels and predictions."""
    told = opinions_in(what, seed, fold, settings)
    return told, recognise(what, seed, fold, told, settings)


def train_network(
    what: str,
    told: pd.DataFrame,
    settings: LogMelCnn,
    share: float,
    seed: int,
    shuffle: int,
    folder: Path,
    bar: int,
) -> pd.DataFrame:
    """Train the network once more. Only here is TensorFlow loaded."""
    from experiments.distillation.cnn import train_and_predict

    return train_and_predict(
        "luna5",
        settings,
        seed=seed,
        fold=NETWORK_FOLD,
        told=told,
        share=share,
        checkpoints=folder / what,
        bar_position=bar,
        shuffle=shuffle if what == "permuted" else None,
        unseen=what == "unseen",
    )


def largest_difference(path: str, model: str, again: pd.DataFrame, *, seed: int = 0) -> float:
    """Compare probabilities with those of the same clips and folds in a table of predictions."""
    keys = ["fold", "clip"]
    former = read_table(path, COLUMNS)
    former = former[(former["model"] == model) & (former["seed"] == seed)].set_index(keys)
    columns = list(PROBABILITIES)
    values: npt.NDArray[np.float64] = again[columns].to_numpy()
    if not np.isfinite(values).all():
        raise InputError(f"{model} has no answer without the tested clips: it heard them")
    own = former.loc[pd.MultiIndex.from_frame(again[keys]), columns].to_numpy()
    return float(np.abs(own - values).max())


def main() -> None:
    """Try everything, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    adaptation = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    distillation = load("experiments/distillation/params.yaml", DistillationParams)
    shuffles, seed = dtw.shuffles, distillation.network_seeds.luna5[0]
    settings = Settings(adaptation, dtw.alignment.template_actors, dtw.lda, distillation.share)
    network = params.train_cnn.logmel.model_copy(update={"epochs": distillation.epochs})
    _, split = read_split("luna5")
    folds = sorted(split["fold"].unique().tolist())
    trials = [("permuted", shuffle, fold) for shuffle in shuffles for fold in folds]
    trials += [(what, 0, fold) for what in ("canary", "unseen") for fold in folds] + [("known", 0, folds[0])]
    calls = [(*trial, settings) for trial in trials]
    results = run_all(try_out, calls, workers=params.workers, what="leaks", unit="run")
    told = {trial: opinion for trial, (opinion, _) in zip(trials, results, strict=True)}
    tables = pd.concat([found for _, found in results], ignore_index=True)

    heard = told["permuted", shuffles[0], NETWORK_FOLD], told["unseen", 0, NETWORK_FOLD]
    with tempfile.TemporaryDirectory() as folder:
        about = (network, distillation.share, seed, shuffles[0], Path(folder))
        trainings = [
            (what, opinion, *about, bar)
            for bar, (what, opinion) in enumerate(zip(NETWORK_TRIALS, heard, strict=True), start=1)
        ]
        of_networks = run_all(train_network, trainings, workers=params.workers, what="leaks", unit="training")
    networks = dict(zip(NETWORK_TRIALS, of_networks, strict=True))

    labels = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))

    def uars(table: pd.DataFrame) -> list[float]:
        found: list[float] = uar(tally(table, labels).pooled).round(4).tolist()
        return found

    by_seed = uars(tables[tables["model"] == "permuted"])
    result = {
        "model": TAUGHT_LDA,
        "permuted_uar_by_seed": dict(zip(map(str, shuffles), by_seed, strict=True)),
        "canary_uar": uars(tables[tables["model"] == "canary"])[0],
        "canary_of_known_actors_uar": uars(tables[tables["model"] == "known"])[0],
        "unseen_largest_difference": largest_difference(
            "data/taught/luna5_lda.parquet", TAUGHT_LDA, tables[tables["model"] == "unseen"]
        ),
        "teacher_unseen_largest_difference": largest_difference(
            "data/taught/luna5_opinions.parquet",
            TEACHER,
            pd.concat([told["unseen", 0, fold] for fold in folds], ignore_index=True),
        ),
        "network_permuted_uar": uars(networks["permuted"])[0],
        "network_unseen_largest_difference": largest_difference(
            "data/taught/luna5_cnn.parquet",
            "taught_cnn",
            networks["unseen"],
            seed=seed,
        ),
    }
    write_json("metrics/taught_leaks.json", result)
    print(pd.Series(result).to_string())


if __name__ == "__main__":
    command.run(main)
