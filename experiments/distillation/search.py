"""Try settings of the distillation on training actors, and keep every trial.

    python -m experiments.distillation.search --share 0.5 --epochs 120

splits the training actors of LUNA5's first fold (validation actors train, too) into inner folds. In each,
DTW LDA and CNN are trained on the soft labels of the other actors' clips, as in experiments/distillation,
and are scored on the held-out actors; "both" is their geometric mean. The test clips of the fold are not
used. Rows are added to metrics/search/taught_trials.csv; those that begin with "probe" are of an
exploration before this script, on log-mels that are not rounded.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/aligned,
        data/features/clean/{whisper,whisper_speaker}.npy
Writes  metrics/search/taught_trials.csv, to which it adds rows

What it reads is made by make whisper, and by: dvc repro experiments/dtw/dvc.yaml:extract_aligned
A trial with the CNN takes some seven minutes on two new cores.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.distillation import teach
from experiments.distillation.evaluate import geometric_mean
from experiments.distillation.lda import choose_and_recognise
from experiments.distillation.params import DistillationParams
from experiments.distillation.teacher import taught_labels
from experiments.dtw.lda import LABELS, AlignedFeatures
from experiments.dtw.params import AlignedLda, DtwParams
from experiments.dtw.search import inner_sides
from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.fold import take
from ser.data.predictions import PROBABILITIES, prediction_table
from ser.evaluation.inner_trials import INNER_FOLDS, inner_split, keep, score
from ser.files import read_table
from ser.models.encoder_views import sides_of as speech_of
from ser.parallel import run_all
from ser.params import LogMelCnn, load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_features, read_split

LOG = Path("metrics/search/taught_trials.csv")


def ask(split: pd.DataFrame, inner: int, settings: AdaptationParams, shuffled: bool) -> pd.DataFrame:
    """Compute the soft labels for the training clips of one inner fold; shuffled, see --shuffled."""
    clips = read_table("data/clips.parquet", LABELS)
    training, _ = speech_of(read_encoder_views(), clips, split, fold=inner)
    told = teach.run_fold("luna5", inner, training, settings)
    if shuffled:
        columns = list(PROBABILITIES)
        for emotion in np.unique(training.y):
            own = np.flatnonzero(training.y == emotion)
            others = np.random.default_rng([0, emotion]).permutation(own)
            told.loc[own, columns] = told.loc[others, columns].to_numpy()
    return told


def try_lda(
    split: pd.DataFrame, inner: int, told: pd.DataFrame, share: float, actors: list[int], settings: AlignedLda
) -> pd.DataFrame:
    """Fit the student LDA; predict the held-out actors."""
    features = AlignedFeatures.read()
    training, test = inner_sides(features, split, inner, actors=actors, count=settings.templates)
    found, _ = choose_and_recognise(
        training,
        taught_labels(training, told, share=share),
        test,
        copies=len(features.functionals),
        n_before=features.n_before,
        settings=settings,
    )
    return prediction_table(test, found, protocol="luna5", model="lda", seed=0, fold=inner)


def try_network(
    split: pd.DataFrame,
    inner: int,
    told: pd.DataFrame,
    share: float,
    settings: LogMelCnn,
    seed: int,
    bar: int,
) -> pd.DataFrame:
    """Teach the network; recognise the actors who are held out. Only here is TensorFlow loaded."""
    from experiments.distillation.cnn import taught_network
    from experiments.dtw.cnn import learning_sides
    from ser.models.cnn_runs import fit
    from ser.models.logmel_cnn import NETWORKS

    clips = read_table("data/clips.parquet", LABELS)
    copies = list(read_features("logmel", ["aligned"])[0])
    sides = learning_sides(clips, split, copies, fold=inner)
    network = taught_network(told, share=share) if share else NETWORKS["logmel"]
    smoothing = 0.0 if share else settings.label_smoothing
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(
            network,
            settings.model_copy(update={"label_smoothing": smoothing}),
            sides,
            seed=seed,
            name=f"inner fold {inner}",
            checkpoint=Path(folder) / "checkpoint.npz",
            bar_position=bar,
        )
    test = take(clips, split, copies[:1], fold=inner, role="test")
    found = fitted.predict(test)
    return prediction_table(test, found, protocol="luna5", model="network", seed=seed, fold=inner)


def main() -> None:
    """Teach, recognise, log, and print."""
    arguments = _arguments()
    params = load_params()
    adaptation = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    distillation = load("experiments/distillation/params.yaml", DistillationParams)
    share = distillation.share if arguments.share is None else arguments.share
    epochs = arguments.epochs or distillation.epochs
    clips, split = read_split("luna5")
    inner, folds = inner_split(clips, split), range(INNER_FOLDS)
    about: dict[str, Any] = {"workers": params.workers, "unit": "inner fold"}
    asked = [(inner, it, adaptation, arguments.shuffled) for it in folds]
    told = run_all(ask, asked, what="teacher", **about)
    actors = dtw.alignment.template_actors
    calls = [(inner, it, told[it], share, actors, dtw.lda) for it in folds]
    ldas = pd.concat(run_all(try_lda, calls, what="LDA", **about))
    found, settings = [ldas], f"share={share:g}" + (" shuffled" if arguments.shuffled else "")
    if not arguments.without_network:
        settings += f" epochs={epochs}"
        network = params.train_cnn.logmel.model_copy(update={"epochs": epochs})
        trainings = [
            (inner, it, told[it], share, network, arguments.seed, 1 + it % params.workers.jobs)
            for it in folds
        ]
        networks = pd.concat(run_all(try_network, trainings, what="network", **about))
        found += [networks, geometric_mean(networks, ldas, model="both")]

    keep(score(pd.concat(found), clips).assign(settings=settings), LOG)


def _arguments() -> argparse.Namespace:
    parser = command.parser(__doc__)
    parser.add_argument("--share", type=float, help="weight of the soft labels; else share of params.yaml")
    parser.add_argument("--epochs", type=int, help="of the network; else epochs of params.yaml")
    parser.add_argument("--seed", type=int, default=0, help="of the network; else 0")
    parser.add_argument(
        "--shuffled",
        action="store_true",
        help="shuffle soft labels among clips of one emotion: what is left is what they say of the emotion",
    )
    parser.add_argument("--without-network", action="store_true", help="try the LDA alone: a minute")
    return parser.parse_args()


if __name__ == "__main__":
    command.run(main)
