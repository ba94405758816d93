"""Score the LDAs with and without what is in step, and say what that adds.

Reads   data/{aligned,splits}/{luna5,emobox6,loso}.parquet, data/clips.parquet, data/features/aligned
Writes  metrics/aligned.json: by protocol and model, the best first, scores with their intervals; by protocol
        worth, what hearing in step adds to the UAR (bootstrap over actors), and sentences_found, of what
        share of the tested clips the sentence was found

First the predictions are held to the split: each model must test each test clip once.
"""

from typing import Any

import numpy as np

from ser import scores
from ser.aligned_lda import ALIGNED, PLAIN, PROTOCOLS, AlignedFeatures, choose_templates, nearer_sentences
from ser.datasets import rows_of
from ser.files import read_table, write_json
from ser.params import load_params
from ser.ravdess import STATEMENTS
from stages import command

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
    features = AlignedFeatures.read()
    told = clips["statement"].map(STATEMENTS.index).to_numpy()
    result: dict[str, Any] = {**dict.fromkeys(PROTOCOLS), "worth": {}, "sentences_found": {}}
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
        result["worth"][protocol] = worth(tallies[protocol], samples=samples, seed=seed)
        found = []
        for fold in sorted(split["fold"].unique().tolist()):
            templates = choose_templates(clips, split, fold=fold, settings=params.aligned)
            right = nearer_sentences(features, templates) == told
            found.append(right[rows_of(clips, split, fold=fold, role="test")])
        result["sentences_found"][protocol] = round(float(np.concatenate(found).mean()), 4)
        print(scores.format_summary(summary))
    write_json("metrics/aligned.json", result)


if __name__ == "__main__":
    command.run(main)
