"""Draw the exploratory figures: what is in the corpus before any model sees it.

Reads   data/clips.parquet, data/raw
Writes  figures/explore: class_distribution.png, gender_distribution.png, intensity_distribution.png,
        waveforms.png, logmels.png, durations.png, loudness.png

Waveforms and log-mels show one sentence in all eight emotions by one male and one female actor. Look at
loudness.png before you trust a model: level alone tells much about the emotion, and as much about the actor.
"""

from collections.abc import Callable

from matplotlib.figure import Figure
from tqdm import tqdm

from ser.figures import corpus as corpus_figures
from ser.figures.style import save
from ser.files import read_table, replacing
from ser.params import load_params
from stages import command


def main() -> None:
    """Draw every figure, then put the whole folder in place."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips = read_table("data/clips.parquet", corpus_figures.COLUMNS)
    examples = corpus_figures.example_clips(clips)

    drawings: dict[str, Callable[[], Figure]] = {
        "class_distribution": lambda: corpus_figures.class_distribution(clips),
        "gender_distribution": lambda: corpus_figures.gender_distribution(clips),
        "intensity_distribution": lambda: corpus_figures.intensity_distribution(clips),
        "waveforms": lambda: corpus_figures.waveforms(examples),
        "logmels": lambda: corpus_figures.logmels(examples, settings=params.extract.article),
        "durations": lambda: corpus_figures.durations(clips),
        "loudness": lambda: corpus_figures.loudness(clips),
    }
    with replacing("figures/explore") as folder:
        for name, draw in tqdm(drawings.items(), desc="explore", unit="figure"):
            save(draw(), folder / f"{name}.png")


if __name__ == "__main__":
    command.run(main)
