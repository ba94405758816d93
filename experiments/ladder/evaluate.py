"""Score the steps of the leakage ablation.

ladder       every step, and the inflation by every leak. Steps 1 to 4 show the epoch that is best on the test
             clips, as whoever monitors them would; from step 5 on it is the best one on the validation clips.
             The last epoch's score stands beside both
ladder_long  the three steps of longer training, for the article's CNN and for classical models, after every
             epoch. Nothing is selected: the last epoch counts

Reads   data/clips.parquet; data/ladder/{contour_cnn,logmel_cnn,classical}.parquet, or for ladder_long
        data/ladder/{contour_long,copies}.parquet
Writes  metrics/ladder.json: the steps; the inflation of each model's UAR by each leak; the duplicate clips
        metrics/ladder_long.json: by model, each step's UAR after every epoch, and its interval after the last

Intervals are 95 % percentiles of a bootstrap over actors. They do not show the spread over seeds: per_seed
does.
"""

from typing import Any

import pandas as pd

from experiments.ladder.runs import CANDIDATES
from experiments.ladder.scores import (
    LABELS,
    bound_duplicates,
    inflations,
    score_long_steps,
    score_steps,
    with_labels,
)
from ser.files import read_table, write_json
from ser.params import load_params
from stages import command

TABLES = {"ladder": ("contour_cnn", "logmel_cnn", "classical"), "ladder_long": ("contour_long", "copies")}


def main() -> None:
    """Score and print."""
    parser = command.parser(__doc__)
    parser.add_argument("results", choices=list(TABLES), help="which steps to score")
    name: str = parser.parse_args().results
    params = load_params()
    bootstrap = {"samples": params.evaluate.bootstrap_samples, "seed": params.evaluate.bootstrap_seed}
    clips = read_table("data/clips.parquet", LABELS)
    tables = [read_table(f"data/ladder/{table}.parquet", CANDIDATES) for table in TABLES[name]]
    candidates = with_labels(pd.concat(tables, ignore_index=True), clips)
    models = {str(model): rows for model, rows in candidates.groupby("model", sort=False)}
    content: dict[str, list[dict[str, Any]]]
    if name == "ladder":
        # Keys that readers of the file know: the steps, and the duplicate clips.
        content = {
            "rungs": score_steps(models["contour_cnn"], **bootstrap),
            "leaks": inflations(candidates, **bootstrap),
            "byte_identical_pair": bound_duplicates(candidates, clips),
        }
    else:
        content = {model: score_long_steps(rows, **bootstrap) for model, rows in models.items()}
    write_json(f"metrics/{name}.json", content)
    for heading, entries in content.items():
        shown = pd.DataFrame(entries).drop(columns=["per_seed", "by_epoch"], errors="ignore")
        print(f"{heading}\n{shown.to_string(index=False)}\n")


if __name__ == "__main__":
    command.run(main)
