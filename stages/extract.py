"""Compute the features of every clip, of the clean recordings or of one augmented copy.

Reads   data/clips.parquet, and data/raw or data/augmented/VARIANT
Writes  data/features/VARIANT, one row a clip, in the order of clips.parquet:
        article_logmel.npy  (clips, 128, 259)  the article's log-mel, in dB
        contour.npy         (clips, 259)       frame-mean log-mel: its mean over the bands
        logmel.npy          (clips, 160, 64)   log-mel of the speech, its middle, for the 2-D network
        functionals.npy     (clips, 1135)      statistics of the whole speech's log-mel over time
The sizes are those of params.yaml as shipped.

Where a clip is shorter than the article's window, both hold 0 dB there, as in the article.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ser.audio import clip_io as audio
from ser.data.ravdess import clip_path
from ser.features import logmel
from ser.features.functionals import functionals
from ser.features.writer import write_features
from ser.files import read_table
from ser.params import Extract, Window, load_params
from stages import command

Array = npt.NDArray[np.float32]


def extract_clip(path: str, window: Window, settings: Extract) -> dict[str, Array]:
    """Compute one clip's features, by their names.

    Parameters
    ----------
    path
        The recording, or an augmented copy of it.
    window
        The part of the file that is the article's input, in seconds.
    settings
        The section ``extract``: rates in Hz, lengths in samples, levels in dB.
    """
    windowed = audio.load(
        path,
        sample_rate=settings.article.sample_rate,
        offset_s=window.offset_s,
        duration_s=window.duration_s,
    )
    article = logmel.article_logmel(windowed, settings=settings.article)  # (128, t)
    frames = logmel.article_frames(window, settings=settings.article)
    padding = logmel.CONTOUR_PADDING_DB

    whole = audio.load(path, sample_rate=settings.logmel.sample_rate)
    speech = logmel.speech_logmel(whole, settings=settings.logmel)  # (t, 64)
    return {
        "article_logmel": logmel.fit_length(article, frames, padding=padding),
        "contour": logmel.fit_length(logmel.contour(article), frames, padding=padding),
        "logmel": logmel.fit_middle(speech, settings=settings.logmel),
        "functionals": functionals(speech, settings=settings.functionals),
    }


def main() -> None:
    """Extract the features of one variant."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "variant", choices=["clean", "noise", "stretch", "speed_pitch"], help="which recordings to read"
    )
    variant: str = parser.parse_args().variant
    params = load_params()
    clips = read_table("data/clips.parquet", ("clip", "path"))

    window = params.article_window
    paths = list(clips["path"])
    if variant != "clean":
        # An augmented copy was made of the article's window, and so begins where the window does.
        window = Window(offset_s=0.0, duration_s=window.duration_s)
        folder = Path("data/augmented") / variant
        paths = [str(clip_path(folder, clip, suffix=".flac")) for clip in clips["clip"]]

    calls = [(path, window, params.extract) for path in paths]
    shapes = write_features(
        f"data/features/{variant}", extract_clip, calls, workers=params.workers, what=f"extract {variant}"
    )
    for name, shape in shapes.items():
        print(f"{name:14} {shape}")


if __name__ == "__main__":
    command.run(main)
