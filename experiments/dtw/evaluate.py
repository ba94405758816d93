"""Score the models on DTW-aligned features, and what each of their inputs adds.

Reads   data/{aligned,splits}/{luna5,emobox6,loso}.parquet, data/aligned/{luna5,emobox6,loso}_cnn.parquet,
        data/clips.parquet, data/features/aligned
Writes  data/aligned/fused.parquet: late fusion of CNN and LDA, once a seed of the CNN, and of several seeds
        together
        metrics/aligned.json: by protocol and model, the best first, scores with their intervals; by protocol
        adds, what F0, DTW alignment and the CNN add to the UAR (bootstrap over actors), and sentences_found,
        the proportion of test clips whose sentence was found

First the predictions are checked against the split: each model must predict each test clip once.
"""

from typing import Any

import numpy as np
import pandas as pd

from experiments.dtw.lda import (
    ALIGNED,
    ENSEMBLE,
    FUSED,
    PITCH,
    PLAIN,
    PROTOCOLS,
    AlignedFeatures,
    choose_templates,
    nearer_sentences,
)
from experiments.dtw.params import DtwParams
from ser.data.fold import rows_of
from ser.data.predictions import COLUMNS, PROBABILITIES, SPLIT, check_predictions, read_predictions
from ser.data.ravdess import STATEMENTS
from ser.evaluation import scores
from ser.evaluation.differences import uar_difference
from ser.evaluation.fusion import KEYS, mean_of
from ser.files import read_table, write_json, write_parquet
from ser.params import load, load_params
from stages import command

LABELS = ("clip", "emotion", "actor", "gender", "intensity", "statement")
DETAILS = ("n", "seeds", "uar_sd", "per_emotion", "per_gender", "per_statement")
ADDS = {"pitch": (PITCH, PLAIN), "in_step": (ALIGNED, PITCH), "network": (FUSED, ALIGNED)}
"""By what is added, the model with it and the one without."""


def fuse(network: pd.DataFrame, ldas: pd.DataFrame) -> pd.DataFrame:
    """Average network and LDA: they weigh the same, so that nothing is fitted or chosen here."""
    single = ldas[ldas["model"] == ALIGNED]
    fused = mean_of(network, single, model=FUSED)
    if len(set(network["seed"])) == 1:
        return fused
    together = network.groupby(KEYS, as_index=False, sort=False)[list(PROBABILITIES)].mean()
    together = together.assign(model=ENSEMBLE, seed=0)[list(COLUMNS)]
    return pd.concat([fused, mean_of(together, single, model=ENSEMBLE)], ignore_index=True)


def share_of_sentences_found(
    features: AlignedFeatures, clips: pd.DataFrame, split: pd.DataFrame, *, actors: list[int], count: int
) -> float:
    """Compute the proportion of test clips whose nearer reference utterances are of their sentence."""
    told = clips["statement"].map(STATEMENTS.index).to_numpy()
    found = []
    for fold in sorted(split["fold"].unique().tolist()):
        templates = choose_templates(clips, split, fold=fold, actors=actors, count=count)
        right = nearer_sentences(features, templates) == told
        found.append(right[rows_of(clips, split, fold=fold, role="test")])
    return round(float(np.concatenate(found).mean()), 4)


def main() -> None:
    """Check, fuse, score and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    bootstrap = {"samples": params.evaluate.bootstrap_samples, "seed": params.evaluate.bootstrap_seed}
    actors, count = dtw.alignment.template_actors, dtw.lda.templates
    clips = read_table("data/clips.parquet", LABELS)
    features = AlignedFeatures.read()
    result: dict[str, Any] = {**dict.fromkeys(PROTOCOLS), "adds": {}, "sentences_found": {}}
    fused = []
    for protocol in PROTOCOLS:
        predictions = read_predictions([f"data/aligned/{protocol}.parquet"])
        split = read_table(f"data/splits/{protocol}.parquet", SPLIT)
        network = read_predictions([f"data/aligned/{protocol}_cnn.parquet"])
        fused.append(fuse(network, predictions))
        predictions = pd.concat([predictions, network, fused[-1]], ignore_index=True)
        check_predictions(predictions, {protocol: split})
        tallies = scores.tally_all(predictions, clips)
        summary = scores.summarize(tallies, **bootstrap)
        details = scores.describe(tallies, predictions, clips)[protocol]
        result[protocol] = {
            model: headline | {key: details[model][key] for key in DETAILS}
            for model, headline in summary[protocol].items()
        }
        of = tallies[protocol]
        result["adds"][protocol] = {
            what: uar_difference(of[more], of[less], **bootstrap) for what, (more, less) in ADDS.items()
        }
        result["sentences_found"][protocol] = share_of_sentences_found(
            features, clips, split, actors=actors, count=count
        )
        print(scores.format_summary(summary))
    write_parquet("data/aligned/fused.parquet", pd.concat(fused, ignore_index=True))
    write_json("metrics/aligned.json", result)


if __name__ == "__main__":
    command.run(main)
