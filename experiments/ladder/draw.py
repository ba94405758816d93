"""Draw the leakage ablation from its metrics alone, so that a word in a figure needs no training.

Reads   metrics/ladder.json, metrics/ladder_long.json
Writes  figures/ladder/ladder.png: the steps; figures/ladder/leaks.png: inflation of UAR by each leak
        figures/ladder_long/by_epoch.png: the CNN's UAR by epoch at three steps
"""

from typing import Any

from experiments.ladder.figures import draw_epochs, draw_inflations, draw_steps
from ser.figures.style import save
from ser.files import replacing
from ser.report.inputs import read_metrics
from stages import command

Content = dict[str, list[dict[str, Any]]]
"""Of either file of metrics, as experiments.ladder.evaluate writes it."""


def main() -> None:
    """Read the scores and draw them."""
    command.parser(__doc__).parse_args()
    schemas = dict.fromkeys(("metrics/ladder.json", "metrics/ladder_long.json"), Content)
    ablation, long_training = read_metrics(schemas, run="the stages results and long_results")
    with replacing("figures/ladder") as folder:
        save(draw_steps(ablation["rungs"]), folder / "ladder.png")
        save(draw_inflations(ablation["leaks"]), folder / "leaks.png")
    with replacing("figures/ladder_long") as folder:
        save(draw_epochs(long_training["contour_cnn"]), folder / "by_epoch.png")


if __name__ == "__main__":
    command.run(main)
