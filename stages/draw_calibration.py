"""Draw how well each model is calibrated.

Reads   metrics/calibration.json, metrics/plots/{reliability,risk_coverage}.csv
Writes  figures/calibration/{reliability,risk_coverage}.png

All that is read is in git, so that a figure can be changed without a training.
"""

from typing import Any

from ser.evaluation.calibration import RELIABILITY
from ser.figures import calibration as calibration_figures
from ser.figures.style import save
from ser.files import read_table, replacing
from ser.report.inputs import Some, read_metrics
from stages import command


def main() -> None:
    """Read and draw."""
    command.parser(__doc__).parse_args()
    schemas = {"metrics/calibration.json": Some[str, dict[str, Any]]}
    [described] = read_metrics(schemas, run="the stage calibrate")
    bins = read_table("metrics/plots/reliability.csv", RELIABILITY)
    curves = read_table("metrics/plots/risk_coverage.csv", ("coverage", *described))
    with replacing("figures/calibration") as folder:
        save(calibration_figures.reliability(bins, described), folder / "reliability.png")
        save(calibration_figures.risk_coverage(curves, described), folder / "risk_coverage.png")


if __name__ == "__main__":
    command.run(main)
