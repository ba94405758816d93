"""Score the three steps of the leakage ablation with long training, and the classical models on the same.

Reads   data/clips.parquet, data/ladder/contour_long.parquet, data/ladder/copies.parquet
Writes  metrics/ladder_long.json: by model, each step's UAR after every epoch, and its interval after the last

Nothing is selected: the last epoch counts.
"""

from dataclasses import asdict

import pandas as pd

from experiments.ladder.long_training import score
from experiments.ladder.scores import CANDIDATES, LABELS, with_labels
from ser.files import read_table, write_json
from ser.params import load_params
from stages import command


def main() -> None:
    """Score and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    tables = [read_table(f"data/ladder/{name}.parquet", CANDIDATES) for name in ("contour_long", "copies")]
    clips = read_table("data/clips.parquet", LABELS)
    candidates = with_labels(pd.concat(tables, ignore_index=True), clips)
    rungs = {
        str(model): score(rows, samples=samples, seed=seed)
        for model, rows in candidates.groupby("model", sort=False)
    }
    write_json(
        "metrics/ladder_long.json", {name: [asdict(it) for it in each] for name, each in rungs.items()}
    )
    for model, each in rungs.items():
        for rung in each:
            scores = f"UAR {100 * rung.uar:5.1f}, accuracy {100 * rung.accuracy:5.1f}"
            print(f"{model:12} {rung.recipe:14} {scores}")


if __name__ == "__main__":
    command.run(main)
