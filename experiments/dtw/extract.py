"""Align every clip by DTW to neutral clips of each sentence, and compute its other features.

Reads   data/clips.parquet, data/raw
Writes  data/features/aligned, of the clips as recorded and at resample.speeds, in the order of clips.parquet:
        functionals.npy  (1 + speeds, clips, 1135)                statistics of the log-mel over time
        pitch.npy        (1 + speeds, clips, 19)                  statistics of F0
        logmel.npy       (1 + speeds, clips, 160, 64)             the input of the 2-D CNN
        columns.npy      (references, 1 + speeds, clips, 2, 744)  MFCC and duration of each segment, aligned
                                                                  to each of the two sentences
        cost.npy         (references, 1 + speeds, clips, 2)       alignment cost for each sentence

The reference utterances are the neutral clips of alignment.template_actors, one actor after another. All is
computed in double precision and rounded to thousandths, so that another CPU should give the same bytes.
Nothing is fitted to other clips here, and no label is read but to find the reference utterances.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.dtw.dtw import Matrix, in_step, mfcc, shape_of
from experiments.dtw.params import Alignment, DtwParams, PitchParams
from experiments.dtw.pitch import pitch_functionals, pitch_track
from experiments.dtw.quantized_logmel import quantized_logmel
from ser.audio import clip_io as audio
from ser.data.ravdess import STATEMENTS
from ser.errors import InputError
from ser.features.functionals import functionals
from ser.features.logmel import fit_middle
from ser.files import read_table, write_array
from ser.parallel import run_all
from ser.params import FunctionalsParams, LogMelParams, load, load_params
from stages import command

Array = npt.NDArray[np.float32]
Templates = list[list[list[Matrix]]]
"""By actor, sentence and clip."""


def templates_of(clips: pd.DataFrame, settings: LogMelParams, aligned: Alignment) -> Templates:
    """Compute the reference utterances of each actor who may give some.

    Raises
    ------
    InputError
        Where an actor has no neutral clip of a sentence, or one of fewer frames than there are to be parts.
    """
    found: Templates = []
    for actor in aligned.template_actors:
        own = clips[(clips["actor"] == actor) & (clips["emotion"] == "neutral")]
        of_sentence = [own.loc[own["statement"] == sentence, "path"] for sentence in STATEMENTS]
        if not all(len(paths) for paths in of_sentence):
            raise InputError(
                f"experiments/dtw/params.yaml: alignment.template_actors: {actor} has no neutral clip of a "
                "sentence"
            )
        found.append([[_template(path, settings, aligned) for path in paths] for paths in of_sentence])
    return found


def _template(path: str, settings: LogMelParams, aligned: Alignment) -> Matrix:
    shape = shape_of(mfcc(speech_of(path, 1.0, settings)))
    if len(shape) < aligned.parts:
        raise InputError(
            f"{path}: {len(shape)} frames, fewer than alignment.parts of experiments/dtw/params.yaml"
        )
    return shape


def speech_of(path: str, speed: float, settings: LogMelParams) -> Array:
    """Compute the log-mel of a clip's speech at one speed."""
    # Read at another rate than it is then taken to have.
    samples = audio.load(path, sample_rate=round(settings.sample_rate / speed))
    return quantized_logmel(samples, settings=settings)


def extract_clip(
    path: str,
    speeds: list[float],
    templates: Templates,
    settings: LogMelParams,
    of_functionals: FunctionalsParams,
    aligned: Alignment,
    pitch: PitchParams,
) -> list[dict[str, npt.NDArray[np.floating]]]:
    """Compute one clip's features at each speed."""
    rows: list[dict[str, npt.NDArray[np.floating]]] = []
    # Tracked once, as recorded, for it takes the longest: the effect of another speed on it is known.
    track = pitch_track(audio.load(path, sample_rate=settings.sample_rate), framing=settings, settings=pitch)
    for speed in speeds:
        speech = speech_of(path, speed, settings)
        coefficients = mfcc(speech)
        found = [[in_step(coefficients, one, settings=aligned) for one in actor] for actor in templates]
        rows.append(
            {
                "functionals": functionals(speech, settings=of_functionals),
                "pitch": pitch_functionals(track, speed=speed),
                "logmel": fit_middle(speech, settings=settings),
                "columns": np.array([[it.columns for it in actor] for actor in found]),
                "cost": np.array([[it.cost for it in actor] for actor in found]),
            }
        )
    return rows


def rounded(features: npt.NDArray[np.floating]) -> Array:
    """Round to thousandths, and so away what kinds of CPU differ in."""
    return np.ascontiguousarray(np.round(features, 3), dtype=np.float32)


def main() -> None:
    """Extract all copies of all clips."""
    command.parser(__doc__).parse_args()
    params = load_params()
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    settings, aligned = params.extract.logmel, dtw.alignment
    if aligned.n_mfcc > settings.n_mels:
        raise InputError(
            f"experiments/dtw/params.yaml: alignment.n_mfcc: {aligned.n_mfcc} must not exceed "
            f"extract.logmel.n_mels of params.yaml, {settings.n_mels}"
        )
    clips = read_table("data/clips.parquet", ("clip", "path", "actor", "emotion", "statement"))
    templates = templates_of(clips, settings, aligned)

    speeds = [1.0, *params.resample.speeds]
    of_functionals = params.extract.functionals
    pitch = dtw.pitch
    calls = [(path, speeds, templates, settings, of_functionals, aligned, pitch) for path in clips["path"]]
    rows = run_all(extract_clip, calls, workers=params.workers, what="align")
    for name in rows[0][0]:
        features = np.array([[copy[name] for copy in row] for row in rows]).swapaxes(0, 1)
        if name in ("columns", "cost"):
            features = np.moveaxis(features, 2, 0)
        write_array(f"data/features/aligned/{name}.npy", rounded(features))
        print(f"{name:14} {features.shape}")


if __name__ == "__main__":
    command.run(main)
