"""Score the predictions for corrupted recordings.

Reads   data/robustness/KIND.parquet, data/splits/luna5.parquet, data/clips.parquet
Writes  metrics/robustness.json: under ``uar`` each model's UAR under each corruption with its 95 % interval
        (bootstrap over actors), under ``gain_by_augmentation`` how much each kind of model trained on
        augmented copies exceeds the same trained without

Of the 2-D CNN and its late fusion a score is the mean over seeds; without augmentation it has one.
"""

import pandas as pd

from experiments.robustness import scores as robustness
from experiments.robustness.condition_names import KINDS
from ser.data.predictions import COLUMNS, SPLIT, check_predictions
from ser.files import read_table, write_json
from ser.params import load_params
from stages import command


def main() -> None:
    """Check and score, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))
    split = read_table("data/splits/luna5.parquet", SPLIT)
    tables = [read_table(f"data/robustness/{kind}.parquet", ("condition", *COLUMNS)) for kind in KINDS]
    predictions = robustness.add_fused(pd.concat(tables, ignore_index=True))
    for _, tested in predictions.groupby("condition"):
        check_predictions(tested, {"luna5": split})

    tallies = robustness.tally_conditions(predictions, clips)
    scores = robustness.score(tallies, samples=samples, seed=seed)
    gained = {
        kind: robustness.gains(tallies, better=augmented, than=plain, samples=samples, seed=seed)
        for kind, (augmented, plain) in robustness.PAIRS.items()
    }
    write_json("metrics/robustness.json", {"uar": scores, "gain_by_augmentation": gained})
    for condition, models in scores.items():
        uars = ", ".join(f"{model} {100 * it['uar']:.1f}" for model, it in models.items())
        print(f"{condition}: UAR {uars}")


if __name__ == "__main__":
    command.run(main)
