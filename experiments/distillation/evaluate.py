"""Score the students, and what distillation adds.

Reads   data/taught/{luna5,emobox6,loso,article}_lda.parquet, data/clips.parquet,
        data/taught/{luna5,luna5_untaught,emobox6,loso,article}_cnn.parquet,
        data/splits/{luna5,emobox6,loso,article}.parquet
Writes  data/taught/fused.parquet: late fusion (geometric mean) of CNN and LDA, once a seed of the CNN, and of
        the arithmetic mean of several seeds' CNNs and the LDA
        metrics/taught.json: by protocol and model, the best first, scores with their intervals; adds: by
        protocol, where both were run, what soft labels add to the UAR of LDA, CNN and fusion, and what the
        CNN adds to the student LDA (bootstrap over actors; the spread over seeds is not in these intervals)

First the predictions are checked against the split: each model must predict each test clip once.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from experiments.distillation.lda import TAUGHT_LDA
from experiments.dtw.lda import ALIGNED
from ser.data.predictions import COLUMNS, PROBABILITIES, SPLIT, check_predictions, read_predictions
from ser.evaluation import scores
from ser.evaluation.differences import uar_difference
from ser.evaluation.fusion import KEYS, mean_of
from ser.files import read_table, write_json, write_parquet
from ser.params import load_params
from stages import command

LABELS = ("clip", "emotion", "actor", "gender", "intensity", "statement")
DETAILS = ("n", "seeds", "uar_sd", "per_emotion", "per_gender", "per_statement")
NETWORKS = {
    "luna5": ["luna5", "luna5_untaught"],
    "emobox6": ["emobox6"],
    "loso": ["loso"],
    "article": ["article"],
}
"""Their tables, by protocol."""
NETWORK, UNTAUGHT = "taught_cnn", "logmel_cnn"
TAUGHT, TOGETHER, PLAIN = "taught_fused", "taught_ensemble", "untaught_fused"
"""Late fusion of a student CNN and the student LDA; of all seeds' CNNs and that LDA; of both baselines."""
LEAST = 1e-7
"""No probability counts as less, so that none rules an emotion out alone."""
ADDS = {
    "lda": (TAUGHT_LDA, ALIGNED),
    "network": (NETWORK, UNTAUGHT),
    "mean": (TAUGHT, PLAIN),
    "network_to_lda": (TAUGHT, TAUGHT_LDA),
}
"""By what is compared, the better informed model and the other."""


def fuse(networks: pd.DataFrame, ldas: pd.DataFrame) -> pd.DataFrame:
    """Average network and LDA of one kind; they weigh the same, so that nothing is fitted here."""
    by_model = {str(model): table for model, table in pd.concat([networks, ldas]).groupby("model")}
    taught, lda = by_model[NETWORK], by_model[TAUGHT_LDA]
    tables = [geometric_mean(taught, lda, model=TAUGHT)]
    if len(set(taught["seed"])) > 1:
        together = taught.groupby(KEYS, as_index=False, sort=False)[list(PROBABILITIES)].mean()
        together = together.assign(model=TOGETHER, seed=0)[list(COLUMNS)]
        tables.append(geometric_mean(together, lda, model=TOGETHER))
    if UNTAUGHT in by_model:
        tables.append(geometric_mean(by_model[UNTAUGHT], by_model[ALIGNED], model=PLAIN))
    return pd.concat(tables, ignore_index=True)


def geometric_mean(seeded: pd.DataFrame, single: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """Average the logarithms of two models' probabilities (see `ser.evaluation.fusion.mean_of`)."""
    columns = list(PROBABILITIES)
    logs = [table.copy() for table in (seeded, single)]
    for table in logs:
        table[columns] = np.log(table[columns].clip(lower=LEAST))
    fused = mean_of(*logs, model=model)
    fused[columns] = softmax(fused[columns].to_numpy(), axis=1)
    return fused


def main() -> None:
    """Check, fuse, score and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    bootstrap = {"samples": params.evaluate.bootstrap_samples, "seed": params.evaluate.bootstrap_seed}
    clips = read_table("data/clips.parquet", LABELS)
    result: dict[str, Any] = {**dict.fromkeys(NETWORKS), "adds": {}}
    fused = []
    for protocol, names in NETWORKS.items():
        predictions = read_predictions([f"data/taught/{protocol}_lda.parquet"])
        networks = read_predictions([f"data/taught/{name}_cnn.parquet" for name in names])
        fused.append(fuse(networks, predictions))
        predictions = pd.concat([predictions, networks, fused[-1]], ignore_index=True)
        split = read_table(f"data/splits/{protocol}.parquet", SPLIT)
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
            what: uar_difference(of[more], of[less], **bootstrap)
            for what, (more, less) in ADDS.items()
            if {more, less} <= set(of)
        }
        print(scores.format_summary(summary))
    write_parquet("data/taught/fused.parquet", pd.concat(fused, ignore_index=True))
    write_json("metrics/taught.json", result)


if __name__ == "__main__":
    command.run(main)
