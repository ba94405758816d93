"""Draw the gain by unsupervised speaker adaptation.

Reads   metrics/enrolled.json
Writes  figures/enrolled/uar_by_clips.png

Apart from the stage adapt, so that no model is run for a word in the figure.
"""

from typing import Any

from experiments.speaker_adaptation.figure import uar_by_clips
from ser.figures.style import save
from ser.files import replacing
from ser.report.inputs import Some, read_metrics
from stages import command


def main() -> None:
    """Read the scores and draw them."""
    command.parser(__doc__).parse_args()
    [scores] = read_metrics({"metrics/enrolled.json": Some[int, dict[str, Any]]}, run="the stage adapt")
    with replacing("figures/enrolled") as folder:
        save(uar_by_clips(scores), folder / "uar_by_clips.png")


if __name__ == "__main__":
    command.run(main)
