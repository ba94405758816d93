"""Measure how well each model is calibrated, before and after a temperature of the validation actors.

Reads   data/predictions/*.parquet, data/predictions/*_validation.parquet, data/splits/luna5.parquet,
        data/clips.parquet
Writes  metrics/calibration.json   by model: temperature; ECE, NLL, Brier score and AURC before and after;
                                   accuracy when it abstains where it is least confident
        metrics/temperatures.csv   a row a model, seed and fold
        metrics/plots/{reliability,risk_coverage}.csv

A temperature is fitted to the fold's validation actors, on predictions of a model that was not trained on
them, and applied to the predictions of the same fold's test actors.
"""

from typing import Any

import pandas as pd

from ser.data.predictions import SPLIT, check_predictions, read_predictions
from ser.evaluation import calibration
from ser.evaluation.calibration import RELIABILITY
from ser.files import read_table, write_csv, write_json
from ser.params import load_params
from stages import command

TRAINED = ("baselines_luna5", "baselines_transfer", "cnn_logmel", "fused", "layers")
SHARES = tuple(percent / 100 for percent in range(1, 101))


def reliability_table(scaled: dict[str, pd.DataFrame], clips: pd.DataFrame, *, bins: int) -> pd.DataFrame:
    """Gather the bins of every model, before and after."""
    tables = []
    for when, predictions in scaled.items():
        for model, rows in predictions.groupby("model"):
            table = calibration.reliability(*calibration.probabilities_and_emotions(rows, clips), bins=bins)
            tables.append(table.assign(model=model, scaled=when))
    return pd.concat(tables)[list(RELIABILITY)]


def main() -> None:
    """Check, fit, apply and measure, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    bins = params.calibrate.bins

    clips = read_table("data/clips.parquet", ("clip", "emotion"))
    splits = {"luna5": read_table("data/splits/luna5.parquet", SPLIT)}
    tested = read_predictions([f"data/predictions/{name}.parquet" for name in TRAINED])
    validated = read_predictions([f"data/predictions/{name}_validation.parquet" for name in TRAINED])
    check_predictions(tested, splits)
    check_predictions(validated, splits, role="validation")
    calibration.check_runs(tested, validated)

    temperatures = calibration.fit_temperatures(validated, clips)
    scaled = {"before": tested, "after": calibration.apply_temperatures(tested, temperatures)}

    described: dict[str, Any] = {}
    curves = pd.DataFrame({"coverage": SHARES})
    for model in tested["model"].unique():
        tables = (table[table["model"] == model] for table in (*scaled.values(), temperatures))
        before, after, found = tables
        described[model] = calibration.describe(before, after, found, clips, bins=bins)
        curves[model] = list(calibration.risk_coverage(after, clips, coverages=SHARES).values())
    ranked = dict(sorted(described.items(), key=lambda item: item[1]["after"]["aurc"]))
    table = reliability_table(scaled, clips, bins=bins)

    write_json("metrics/calibration.json", ranked)
    write_csv("metrics/temperatures.csv", temperatures)
    write_csv("metrics/plots/reliability.csv", table)
    write_csv("metrics/plots/risk_coverage.csv", curves)
    for model, about in ranked.items():
        before_ece, after_ece = (100 * about[when]["ece"] for when in scaled)
        print(
            f"{model:20} temperature {about['temperature']['mean']:5.2f}   "
            f"ECE {before_ece:4.1f} % before, {after_ece:4.1f} % after"
        )


if __name__ == "__main__":
    command.run(main)
