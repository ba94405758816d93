"""Score the small network with and without a teacher, alone and with an LDA, and what the teacher is worth.

distilled_cnn, untaught_cnn      each seed by itself; the score is the mean over seeds
distilled_fused, untaught_fused  the mean of the network's probabilities and of the LDA's on functionals
distilled_trio                   the same with the mean of the networks of all seeds, where there are several

Reads   data/distilled/{luna5,emobox6,lda}.parquet, data/splits/{luna5,emobox6}.parquet, data/clips.parquet
Writes  metrics/distilled.json: by protocol and model, the best first, its scores with their intervals;
        worth_of_teacher: what it adds to the UAR under luna5, of the seeds that were run with and without
        (bootstrap over actors)

First the predictions are held to the split: each model and seed must test each test clip once.
"""

from typing import Any

import numpy as np
import pandas as pd

from ser import scores
from ser.files import read_table, write_json
from ser.fusion import mean_of
from ser.params import DistilledSeeds, load_params
from stages import command

LABELS = ("clip", "emotion", "actor", "gender", "intensity", "statement")


def models_of(networks: pd.DataFrame, lda: pd.DataFrame) -> pd.DataFrame:
    """Join the networks, the LDA and their means."""
    tables = [networks, lda]
    for model, alone in networks.groupby("model"):
        name = str(model).removesuffix("_cnn")
        tables.append(mean_of(alone, lda, model=f"{name}_fused"))
        if len(alone["seed"].unique()) > 1:
            tables.append(mean_of(mean_over_seeds(alone), lda, model=f"{name}_trio"))
    return pd.concat(tables, ignore_index=True)


def mean_over_seeds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Average the probabilities of all seeds, clip by clip; the result has the seed 0."""
    keys = [column for column in scores.COLUMNS if column not in (*scores.PROBABILITIES, "seed")]
    means = predictions.groupby(keys, as_index=False, sort=False)[list(scores.PROBABILITIES)].mean()
    return means.assign(seed=0)[list(scores.COLUMNS)]


def worth_of_teacher(
    taught: scores.Tally, untaught: scores.Tally, *, samples: int, seed: int
) -> dict[str, float]:
    """Compare two models on the seeds that both have: shares of UAR, with the interval."""
    shared = sorted(set(taught.seeds) & set(untaught.seeds))
    n = len(shared)

    def gain(counts: scores.Counts) -> scores.Scores:
        of_seeds = scores.uar(counts)
        return of_seeds[..., :n] - of_seeds[..., n:]

    both = np.concatenate([it.counts[[it.seeds.index(one) for one in shared]] for it in (taught, untaught)])
    low, high = scores.interval(gain, both, samples=samples, seed=seed)
    points = float(gain(both.sum(axis=1)).mean())
    return {"seeds": n, "uar": round(points, 4), "low": round(low, 4), "high": round(high, 4)}


def main() -> None:
    """Fuse, check, score and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    clips = read_table("data/clips.parquet", LABELS)
    ldas = scores.read_predictions(["data/distilled/lda.parquet"])
    result: dict[str, Any] = {}
    for protocol in DistilledSeeds.model_fields:
        networks = scores.read_predictions([f"data/distilled/{protocol}.parquet"])
        predictions = models_of(networks, ldas[ldas["protocol"] == protocol])
        split = read_table(f"data/splits/{protocol}.parquet", scores.SPLIT)
        scores.check_predictions(predictions, {protocol: split})
        tallies = scores.tally_all(predictions, clips)
        summary = scores.summarize(tallies, samples=samples, seed=seed)
        details = scores.describe(tallies, predictions, clips)[protocol]
        result[protocol] = {
            model: headline
            | {key: details[model][key] for key in ("n", "seeds", "uar_sd", "per_emotion", "per_gender")}
            for model, headline in summary[protocol].items()
        }
        if "untaught_cnn" in tallies[protocol]:
            result["worth_of_teacher"] = {
                it: worth_of_teacher(
                    *(tallies[protocol][f"{side}_{it}"] for side in ("distilled", "untaught")),
                    samples=samples,
                    seed=seed,
                )
                for it in ("cnn", "fused")
            }
        print(scores.format_summary(summary))
    write_json("metrics/distilled.json", result)


if __name__ == "__main__":
    command.run(main)
