"""Draw robustness to corruptions.

Reads   metrics/robustness.json
Writes  figures/robustness/{noise,conditions,augmentation}.png

Apart from the stage evaluate_robustness, so that nothing is scored again for a word in a figure.
"""

from dataclasses import dataclass

from experiments.robustness import figures
from experiments.robustness.scores import Gains, Scores
from ser.figures.style import save
from ser.files import replacing
from ser.report.inputs import read_metrics
from stages import command


@dataclass(frozen=True)
class Content:
    """The content of ``robustness.json``."""

    uar: Scores
    gain_by_augmentation: Gains


def main() -> None:
    """Read the scores and draw them."""
    command.parser(__doc__).parse_args()
    [found] = read_metrics({"metrics/robustness.json": Content}, run="the stage evaluate_robustness")
    with replacing("figures/robustness") as folder:
        save(figures.noise(found.uar), folder / "noise.png")
        save(figures.conditions(found.uar), folder / "conditions.png")
        save(figures.augmentation(found.gain_by_augmentation), folder / "augmentation.png")


if __name__ == "__main__":
    command.run(main)
