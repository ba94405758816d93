"""Suspect the weighted sum of network and LDA in step of a leak, on the first fold of LUNA5, one seed.

permuted  the emotions of all training clips are shuffled, for the weights as for the models: the result must
          come out at chance
unseen    all that chooses the weights is trained where the tested clips are missing: they must be equal

Reads   data/clips.parquet, data/splits/{luna5,luna5_pairs}.parquet, data/features/aligned,
        data/aligned/{luna5_cnn_pairs,luna5_lda_pairs}.parquet
Writes  metrics/aligned_weights_leaks.json
"""

import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from ser.aligned_fusion import WEIGHTED, Matrix, choose_weights, recognise_other_fold, weigh
from ser.aligned_lda import LABELS, AlignedFeatures, choose_and_recognise, choose_templates, sides_of
from ser.datasets import prediction_table, read_split, rows_of
from ser.files import read_table, write_json
from ser.fold_pairs import pairs_of, told_by_others
from ser.leak_checks import permuted
from ser.parallel import run_all
from ser.params import Aligned, LogMelCnn, load_params
from ser.scores import COLUMNS, tally, uar
from stages import command
from stages.check_aligned import without_tested

Suspicion = Literal["permuted", "unseen"]
FOLD = 0


def run_network(
    protocol: str, fold: int, suspect: Suspicion, settings: LogMelCnn, seed: int, checkpoints: Path, bar: int
) -> pd.DataFrame:
    """Train under suspicion; the form in which workers are called. Only here is TensorFlow loaded."""
    from ser.aligned_cnn import train_and_predict

    about = {"seed": seed, "fold": fold, "bar_position": bar}
    return train_and_predict(
        protocol, settings, checkpoints=checkpoints / f"{protocol}_{suspect}", suspect=suspect, **about
    )


def run_networks(settings: LogMelCnn, *, seed: int, workers: Any) -> dict[str, pd.DataFrame]:
    """Train the networks that the weights need, by suspicion; and, shuffled, the one that is tested."""
    _, split = read_split("luna5")
    places = [place for place, pair in enumerate(pairs_of(split)) if FOLD in pair]
    wanted: list[tuple[str, int, Suspicion]] = [
        ("luna5_pairs", place, suspect) for suspect in ("permuted", "unseen") for place in places
    ]
    wanted.append(("luna5", FOLD, "permuted"))
    with tempfile.TemporaryDirectory() as folder:
        calls = [
            (*run, settings, seed, Path(folder), 1 + place % workers.jobs) for place, run in enumerate(wanted)
        ]
        tables = run_all(run_network, calls, workers=workers, what="leaks", unit="run")
    n = len(places)
    return {"permuted": pd.concat(tables[:n]), "unseen": pd.concat(tables[n:-1]), "tested": tables[-1]}


def recognise_others(
    features: AlignedFeatures, clips: pd.DataFrame, settings: Aligned, *, shuffle: int | None = None
) -> pd.DataFrame:
    """Recognise the clips of all other folds by LDAs."""
    _, split = read_split("luna5")
    about: dict[str, Any] = {"protocol": "luna5", "fold": FOLD, "settings": settings, "shuffle": shuffle}
    others = sorted(set(split["fold"].unique().tolist()) - {FOLD})
    return pd.concat([recognise_other_fold(features, clips, split, other=other, **about) for other in others])


def recognise_shuffled(features: AlignedFeatures, clips: pd.DataFrame, settings: Aligned) -> pd.DataFrame:
    """Recognise the tested clips by an LDA of shuffled emotions."""
    _, split = read_split("luna5")
    templates = choose_templates(clips, split, fold=FOLD, settings=settings)
    training, test = sides_of(features, clips, split, fold=FOLD, templates=templates)
    copies = len(features.functionals)
    training = permuted(training, copies=copies, seed=settings.shuffles[0])
    found, _ = choose_and_recognise(
        training, test, copies=copies, n_before=features.n_before, settings=settings
    )
    return prediction_table(test, found, protocol="luna5", model="permuted", seed=0, fold=FOLD)


def main() -> None:
    """Train, compare, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings, seed = params.aligned, params.aligned.network_seeds.luna5[0]
    clips, features = read_table("data/clips.parquet", (*LABELS, "gender")), AlignedFeatures.read()
    _, split = read_split("luna5")
    tested = rows_of(clips, split, fold=FOLD, role="test")

    def weights_of(networks: pd.DataFrame, ldas: pd.DataFrame, clips: pd.DataFrame) -> Matrix:
        return choose_weights(told_by_others(networks, split, fold=FOLD), ldas, clips)

    former = [read_table(f"data/aligned/luna5_{name}_pairs.parquet", COLUMNS) for name in ("cnn", "lda")]
    own = weights_of(former[0], former[1][former[1]["fold"] == FOLD], clips)
    networks = run_networks(params.train_cnn.logmel, seed=seed, workers=params.workers)

    lacking, untold = without_tested(features, clips, tested, settings.alignment.template_actors)
    unseen = weights_of(networks["unseen"], recognise_others(lacking, untold, settings), untold)

    order = np.random.default_rng(settings.shuffles[0]).permutation(len(clips))
    shuffled = clips.assign(emotion=clips["emotion"].to_numpy()[order])
    ldas = recognise_others(features, clips, settings, shuffle=settings.shuffles[0])
    weights = weights_of(networks["permuted"], ldas, shuffled)
    lda = recognise_shuffled(features, clips, settings)
    found = weigh(networks["tested"], lda, {FOLD: weights}, model=WEIGHTED)
    result = {
        "permuted_uar": round(float(uar(tally(found, clips).pooled)[0]), 4),
        "unseen_largest_difference": float(np.abs(own - unseen).max()),
    }
    write_json("metrics/aligned_weights_leaks.json", result)
    print(pd.Series(result).to_string())


if __name__ == "__main__":
    command.run(main)
