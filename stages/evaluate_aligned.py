"""Score the LDAs with and without alignment, and say what it is worth to know the sentence.

Reads   data/{aligned,splits}/{luna5,emobox6,loso}.parquet, data/clips.parquet, data/features/aligned/cost.npy
Writes  metrics/aligned.json: by protocol and model, the best first, scores with their intervals; worth: what
        alignment adds to the UAR (bootstrap over actors); sentences_found: of what share of the clips, as
        recorded, the sentence was found, by template actor

First the predictions are held to the split: each model must test each test clip once.
"""

from typing import Any

import numpy as np

from ser import scores
from ser.aligned_lda import ALIGNED, PLAIN
from ser.files import read_table, write_json
from ser.params import load_params
from ser.ravdess import STATEMENTS
from stages import command
from stages.train_aligned import PROTOCOLS

LABELS = ("clip", "emotion", "actor", "gender", "intensity", "statement")
DETAILS = ("n", "per_emotion", "per_gender", "per_statement")


def worth(tallies: dict[str, scores.Tally], *, samples: int, seed: int) -> dict[str, float]:
    """Compare the model that hears in step with the other: shares of UAR, with the interval."""
    both = np.concatenate([tallies[ALIGNED].counts, tallies[PLAIN].counts])

    def gain(counts: scores.Counts) -> scores.Scores:
        return -np.diff(scores.uar(counts), axis=-1)

    low, high = scores.interval(gain, both, samples=samples, seed=seed)
    points = float(gain(both.sum(axis=1))[0])
    return {"uar": round(points, 4), "low": round(low, 4), "high": round(high, 4)}


def main() -> None:
    """Check, score and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    clips = read_table("data/clips.parquet", LABELS)
    result: dict[str, Any] = {}
    for protocol in PROTOCOLS:
        predictions = scores.read_predictions([f"data/aligned/{protocol}.parquet"])
        split = read_table(f"data/splits/{protocol}.parquet", scores.SPLIT)
        scores.check_predictions(predictions, {protocol: split})
        tallies = scores.tally_all(predictions, clips)
        summary = scores.summarize(tallies, samples=samples, seed=seed)
        details = scores.describe(tallies, predictions, clips)[protocol]
        result[protocol] = {
            model: headline | {key: details[model][key] for key in DETAILS}
            for model, headline in summary[protocol].items()
        }
        result[protocol]["worth"] = worth(tallies[protocol], samples=samples, seed=seed)
        print(scores.format_summary(summary))
    told = clips["statement"].map(STATEMENTS.index).to_numpy()
    found = np.load("data/features/aligned/cost.npy")[:, 0].argmin(axis=2) == told
    shares = found.mean(axis=1).round(4).tolist()
    result["sentences_found"] = dict(
        zip(map(str, params.aligned.alignment.template_actors), shares, strict=True)
    )
    write_json("metrics/aligned.json", result)


if __name__ == "__main__":
    command.run(main)
