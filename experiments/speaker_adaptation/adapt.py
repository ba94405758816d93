"""Adapt to each test speaker by some unlabelled clips, and recognise the others: the protocol ``enrolled``.

Under the folds of luna5 some clips of each test actor are drawn with a seed, without labels; the models are
adapted to the speaker by them and scored on the actor's other clips. They are an LDA ensemble on layers of
the pretrained speaker encoder and on functionals, and its late fusion with the 2-D CNN, adapted as well.

All settings of the LDAs are selected on inner folds of training actors, who are adapted to in the same way;
how strongly the CNN adapts, on the fold's validation actors, on whom it was not trained, and LDAs fitted
without them.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/clean/{encoder,functionals}.npy,
        data/predictions/cnn_logmel.parquet, data/predictions/cnn_logmel_validation.parquet
Writes  data/predictions/enrolled.parquet  as those of other models, but the protocol is enrolled_N after the
                                           number of clips, and the clips that a seed draws are left out
        metrics/enrolled.json              scores by the number of clips
        metrics/search/enrolled.csv        every trial of the inner folds and with the CNN

No label of a test actor is read before scoring, but clips of theirs are: these scores are not those of luna5.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.speaker_adaptation.network import choose_prior, join_network, network_logits
from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.fold import Array, Fold, folds
from ser.data.predictions import prediction_table, read_predictions
from ser.evaluation import scores
from ser.files import read_table, write_csv, write_json, write_parquet
from ser.models.adaptation_search import priors_for
from ser.models.lda_ensemble import FittedEnsemble, LdaEnsemble
from ser.models.speaker_adaptation import Speech, draw_enrolled, fit_ldas
from ser.models.speaker_lda import Matrix
from ser.parallel import run_all
from ser.params import AdaptationSearch, load, load_params
from stages import command
from stages.inputs import read_features, read_split

LDA, JOINED = "voice_lda", "voice_fused"
"""Names in predictions: the LDA ensemble, and its late fusion with the CNN."""
WITH_NETWORK = "all, with the network"
"""Stands for a feature set in the trials of the CNN's prior; their UAR is of validation actors."""


def read_views() -> dict[str, Array]:
    """Read the feature sets: each layer of the speaker encoder, and functionals."""
    (encoder,) = read_features("encoder", ["clean"])
    (functionals,) = read_features("functionals", ["clean"])
    layers = {f"encoder_{layer + 1}": encoder[:, layer] for layer in range(encoder.shape[1])}
    return {**layers, "functionals": functionals}


@dataclass(frozen=True)
class Network:
    """What the CNN of a fold predicts for clips that it was not trained on.

    Attributes
    ----------
    test, validation : numpy.ndarray [shape=(n, 8)]
        Logits of the fold's clips, of `network_logits`.
    """

    test: Matrix
    validation: Matrix


def run_fold(
    recipe: LdaEnsemble, fold: Fold, network: Network, numbers: list[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select, fit and apply on one fold; return the predictions of every draw, and the trials."""
    test = fold.recordings(fold.test)
    fitted = recipe.fit_for(fold, numbers)
    # The CNN was trained without the validation actors; so are LDAs on whom its prior is selected with it.
    without = replace(fitted, ldas=fit_ldas(Speech.split(fold.training(), recipe.widths)))
    tables, trials = [], []
    for n_clips in numbers:
        prior, tried = select_prior(without, fold, network, n_clips=n_clips, settings=recipe.settings)
        trials += [fitted.log[fitted.log["clips"] == n_clips], tried]
        for seed in recipe.settings.seeds:
            enrolled = draw_enrolled(test.actors, n_clips=n_clips, seed=seed)
            alone = fitted.predict_adapted(test, enrolled=enrolled, n_clips=n_clips)
            joined = join_network(alone, network.test, test.actors, enrolled=enrolled, prior_strength=prior)
            scored = fold.recordings(fold.test[~enrolled])
            about: dict[str, Any] = {"protocol": f"enrolled_{n_clips}", "seed": seed, "fold": fold.number}
            tables += [
                prediction_table(scored, found, model=model, **about)
                for model, found in ((LDA, alone), (JOINED, joined))
            ]
    searched = pd.concat(trials, ignore_index=True)
    searched.insert(0, "fold", fold.number)
    return pd.concat(tables, ignore_index=True), searched


def select_prior(
    ldas: FittedEnsemble, fold: Fold, network: Network, *, n_clips: int, settings: AdaptationSearch
) -> tuple[float, pd.DataFrame]:
    """Adapt to the validation actors, to select the CNN's prior strength; return it and the trials."""
    clips = fold.recordings(fold.validation)
    draws = [draw_enrolled(clips.actors, n_clips=n_clips, seed=seed) for seed in settings.seeds]
    alone = [ldas.predict_adapted(clips, enrolled=draw, n_clips=n_clips) for draw in draws]
    grid = priors_for(n_clips, settings=settings)
    prior, trials = choose_prior(alone, network.validation, clips.actors, clips.y, draws=draws, grid=grid)
    return prior, trials.rename(columns={"uar": "inner_uar"}).assign(view=WITH_NETWORK, clips=n_clips)


def score(predictions: pd.DataFrame, *, samples: int, seed: int) -> dict[int, dict[str, Any]]:
    """Score by the number of clips: the headline, and how far it varies with the draw of the clips."""
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender", "intensity", "statement"))
    tallies = scores.tally_all(predictions, clips)
    summary = scores.summarize(tallies, samples=samples, seed=seed)
    details = scores.describe(tallies, predictions, clips)
    by_clips = {}
    for protocol, models in summary.items():
        detail = details[protocol][JOINED]
        draws = {name: it["uar"] for name, it in detail["per_seed"].items()}
        by_clips[int(protocol.removeprefix("enrolled_"))] = {
            **models[JOINED],
            "n": detail["n"],
            "uar_sd": detail["uar_sd"],
            "uar_per_seed": draws,
            "lda_uar": models[LDA]["uar"],
        }
    return dict(sorted(by_clips.items()))


def main() -> None:
    """Recognise and score."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    views = read_views()
    recipe, features = LdaEnsemble.of(LDA, views, settings), np.hstack([*views.values()])
    predicted, predicted_validation = (
        read_predictions([f"data/predictions/cnn_logmel{side}.parquet"]) for side in ("", "_validation")
    )
    calls = []
    for fold in folds(*read_split("luna5"), [features]):
        network = Network(
            network_logits(predicted, fold.test["clip"], fold=fold.number),
            network_logits(predicted_validation, fold.validation["clip"], fold=fold.number),
        )
        calls.append((recipe, fold, network, settings.clips))
    results = run_all(run_fold, calls, workers=params.workers, what="adapt", unit="fold")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    by_clips = score(
        predictions, samples=params.evaluate.bootstrap_samples, seed=params.evaluate.bootstrap_seed
    )

    write_parquet("data/predictions/enrolled.parquet", predictions)
    write_csv("metrics/search/enrolled.csv", trials)
    write_json("metrics/enrolled.json", by_clips)
    for n_clips, it in by_clips.items():
        interval = f"{100 * it['uar_low']:.1f} to {100 * it['uar_high']:.1f}"
        print(f"{n_clips:2} clips: UAR {100 * it['uar']:.1f} ({interval})")


if __name__ == "__main__":
    command.run(main)
