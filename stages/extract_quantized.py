"""Compute log-mel and functionals of every clip at several speeds, the same on every kind of CPU.

Reads   data/clips.parquet, data/raw
Writes  data/features/quantized, first of the recordings as they are, then at resample.speeds, in the order
        of clips.parquet:
        logmel.npy       (1 + speeds, clips, 160, 64)  in dB, rounded to hundredths
        functionals.npy  (1 + speeds, clips, 1135)     of that log-mel, rounded to thousandths

What reads these can be run on any machine, whichever made them. A recording that is played faster has a
higher pitch and a shorter vocal tract, as if somebody else spoke.
"""

import numpy as np
import numpy.typing as npt

from ser import audio, logmel
from ser.files import read_table, write_array
from ser.functionals import functionals
from ser.parallel import run_all
from ser.params import Extract, load_params
from ser.quantized_logmel import quantized_logmel
from stages import command

Array = npt.NDArray[np.float32]


def extract_clip(path: str, speeds: list[float], settings: Extract) -> list[dict[str, Array]]:
    """Compute one clip's features at each speed."""
    rows = []
    for speed in speeds:
        # Read at another rate than it is then taken to have.
        samples = audio.load(path, sample_rate=round(settings.logmel.sample_rate / speed))
        speech = quantized_logmel(samples, settings=settings.logmel)
        rows.append(
            {
                "logmel": logmel.fit_middle(speech, settings=settings.logmel),
                "functionals": np.round(functionals(speech, settings=settings.functionals), 3),
            }
        )
    return rows


def main() -> None:
    """Extract all copies of all clips."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips = read_table("data/clips.parquet", ("clip", "path"))

    speeds = [1.0, *params.resample.speeds]
    calls = [(path, speeds, params.extract) for path in clips["path"]]
    rows = run_all(extract_clip, calls, workers=params.workers, what="extract")
    for name in rows[0][0]:
        features = np.array([[copy[name] for copy in row] for row in rows]).swapaxes(0, 1)
        write_array(f"data/features/quantized/{name}.npy", np.ascontiguousarray(features))
        print(f"{name:14} {features.shape}")


if __name__ == "__main__":
    command.run(main)
