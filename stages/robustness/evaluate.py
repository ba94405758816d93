"""Score the predictions for corrupted recordings.

Reads   data/robustness/KIND.parquet, data/splits/luna5.parquet, data/clips.parquet
Writes  metrics/robustness.json: under ``uar`` each model's UAR in each condition with its 95 % interval
        (bootstrap over actors); under ``difference`` by how much the LDAs on Whisper's layers exceed the late
        fusion of CNN and speaker encoder; under ``gain_by_augmentation`` by how much each kind of model
        trained on augmented copies exceeds the same trained without; under ``left_out`` what it costs to
        leave one kind of copies out of training, in that kind's conditions

Of the 2-D CNN and its late fusion a score is the mean over seeds.
"""

import pandas as pd

from ser.data.predictions import COLUMNS, SPLIT, check_predictions
from ser.evaluation import robustness
from ser.files import read_table, write_json
from ser.params import ROBUSTNESS_KINDS, load_params
from stages import command


def main() -> None:
    """Check and score, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))
    split = read_table("data/splits/luna5.parquet", SPLIT)
    tables = [
        read_table(f"data/robustness/{kind}.parquet", ("condition", *COLUMNS)) for kind in ROBUSTNESS_KINDS
    ]
    predictions = robustness.add_fused(pd.concat(tables, ignore_index=True))
    for _, tested in predictions.groupby("condition"):
        check_predictions(tested, {"luna5": split})

    tallies = robustness.tally_conditions(predictions, clips)
    scores = robustness.score(tallies, samples=samples, seed=seed)
    more, less = robustness.COMPARED
    results = {
        "uar": scores,
        "difference": robustness.differences(tallies, more=more, less=less, samples=samples, seed=seed),
        "gain_by_augmentation": robustness.gains(tallies, samples=samples, seed=seed),
        "left_out": robustness.costs_of_leaving_out(tallies, samples=samples, seed=seed),
    }
    write_json("metrics/robustness.json", results)
    for condition, models in scores.items():
        uars = ", ".join(f"{model} {100 * it['uar']:.1f}" for model, it in models.items())
        print(f"{condition}: UAR {uars}")


if __name__ == "__main__":
    command.run(main)
