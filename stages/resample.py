"""Compute the log-mel of every clip at other speeds: the copies that train the 2-D network.

Reads   data/clips.parquet, data/raw
Writes  data/features/resampled/logmel.npy (speeds, clips, 160, 64), in the order of resample.speeds and of
        clips.parquet

A recording that is played faster has a higher pitch and a shorter vocal tract, as if somebody else spoke. No
audio is kept: of a copy, only this feature is read.
"""

import numpy as np
import numpy.typing as npt

from ser import audio, logmel
from ser.files import read_table, write_array
from ser.parallel import run_all
from ser.params import LogMelParams, load_params
from stages import command

Array = npt.NDArray[np.float32]


def resampled_logmels(path: str, speeds: list[float], settings: LogMelParams) -> Array:
    """Compute one clip's log-mels [shape=(speeds, n_frames, n_mels)]."""
    rows = []
    for speed in speeds:
        # Read at another rate than it is then taken to have.
        samples = audio.load(path, sample_rate=round(settings.sample_rate / speed))
        rows.append(logmel.fit_middle(logmel.speech_logmel(samples, settings=settings), settings=settings))
    return np.stack(rows)


def main() -> None:
    """Extract all copies of all clips."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips = read_table("data/clips.parquet", ("clip", "path"))

    calls = [(path, params.resample.speeds, params.extract.logmel) for path in clips["path"]]
    rows = run_all(resampled_logmels, calls, workers=params.workers, what="resample")
    write_array("data/features/resampled/logmel.npy", np.stack(rows, axis=1))


if __name__ == "__main__":
    command.run(main)
