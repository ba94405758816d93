"""Compute log-mel and functionals of every clip at other speeds: copies to train with.

Reads   data/clips.parquet, data/raw
Writes  data/features/resampled, in the order of resample.speeds and of clips.parquet:
        logmel.npy       (speeds, clips, 160, 64)
        functionals.npy  (speeds, clips, 1135)

A recording that is played faster has a higher pitch and a shorter vocal tract, as if somebody else spoke. No
audio is kept: of a copy, only these features are read.
"""

import numpy as np
import numpy.typing as npt

from ser.audio import clip_io as audio
from ser.features import logmel
from ser.features.functionals import functionals
from ser.files import read_table, write_array
from ser.parallel import run_all
from ser.params import Extract, load_params
from stages import command

Array = npt.NDArray[np.float32]


def resample_clip(path: str, speeds: list[float], settings: Extract) -> list[dict[str, Array]]:
    """Compute one clip's features at each speed."""
    rows = []
    for speed in speeds:
        # Read at another rate than it is then taken to have.
        samples = audio.load(path, sample_rate=round(settings.logmel.sample_rate / speed))
        speech = logmel.speech_logmel(samples, settings=settings.logmel)
        rows.append(
            {
                "logmel": logmel.fit_middle(speech, settings=settings.logmel),
                "functionals": functionals(speech, settings=settings.functionals),
            }
        )
    return rows


def main() -> None:
    """Extract all copies of all clips."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips = read_table("data/clips.parquet", ("clip", "path"))

    calls = [(path, params.resample.speeds, params.extract) for path in clips["path"]]
    rows = run_all(resample_clip, calls, workers=params.workers, what="resample")
    for name in rows[0][0]:
        # (clips, speeds, ...) to (speeds, clips, ...)
        features = np.array([[copy[name] for copy in row] for row in rows]).swapaxes(0, 1)
        write_array(f"data/features/resampled/{name}.npy", np.ascontiguousarray(features))
        print(f"{name:14} {features.shape}")


if __name__ == "__main__":
    command.run(main)
