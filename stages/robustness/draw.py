"""Draw robustness to corruptions.

Reads   metrics/robustness.json
Writes  figures/robustness/{noise,conditions,augmentation,left_out}.png

Apart from the stage evaluate_robustness, so that nothing is scored again for a word in a figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ser.evaluation.robustness import Differences, Gains, Scores
from ser.figures import robustness
from ser.figures.style import save
from ser.files import replacing
from ser.report.inputs import read_metrics
from stages import command


@dataclass(frozen=True)
class Content:
    """The content of ``robustness.json`` that is drawn."""

    uar: Scores
    gain_by_augmentation: Gains
    left_out: Mapping[str, Differences]


def main() -> None:
    """Read the scores and draw them."""
    command.parser(__doc__).parse_args()
    [found] = read_metrics({"metrics/robustness.json": Content}, run="the stage evaluate_robustness")
    with replacing("figures/robustness") as folder:
        save(robustness.noise(found.uar), folder / "noise.png")
        save(robustness.conditions(found.uar), folder / "conditions.png")
        save(robustness.augmentation(found.gain_by_augmentation), folder / "augmentation.png")
        if found.left_out:
            save(robustness.left_out(found.left_out), folder / "left_out.png")


if __name__ == "__main__":
    command.run(main)
