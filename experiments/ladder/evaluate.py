"""Score every step of the leakage ablation, and the inflation by every leak.

Reads   data/clips.parquet, data/ladder/{contour_cnn,logmel_cnn,classical}.parquet
Writes  metrics/ladder.json: the steps; by how much each leak inflates each model's UAR; the duplicate clips

Steps 1 to 4 show the epoch that is best on the test clips, as whoever monitors them would; from step 5 on it
is the one that is best on the validation clips. The last epoch's score stands beside both. Intervals are 95 %
percentiles of a bootstrap over actors, and do not show the spread over seeds: per_seed does.
"""

from dataclasses import asdict

import pandas as pd

from experiments.ladder.scores import CANDIDATES, LABELS, climb, pairs, with_labels, worths
from ser.files import read_table, write_json
from ser.params import load_params
from stages import command

LADDER = "contour_cnn"
RUN = (LADDER, "logmel_cnn", "classical")


def main() -> None:
    """Score and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    clips = read_table("data/clips.parquet", LABELS)
    tables = [read_table(f"data/ladder/{name}.parquet", CANDIDATES) for name in RUN]
    candidates = with_labels(pd.concat(tables, ignore_index=True), clips)

    rungs = climb(candidates[candidates["model"] == LADDER], samples=samples, seed=seed)
    leaks = worths(candidates, samples=samples, seed=seed)
    pair = pairs(candidates, clips)
    content = {
        "rungs": [asdict(rung) for rung in rungs],
        "leaks": [asdict(leak) for leak in leaks],
        "byte_identical_pair": [asdict(it) for it in pair],
    }
    write_json("metrics/ladder.json", content)
    for rung in rungs:
        print(f"{rung.recipe:20} UAR {100 * rung.uar:5.1f}, last epoch {100 * rung.last_epoch:5.1f}")
    for leak in leaks:
        print(f"{leak.leak:20} {leak.model:12} {100 * leak.points:+6.1f} points")


if __name__ == "__main__":
    command.run(main)
