"""Pad the frame-mean log-mels with silence instead of 0 dB, for the fourth step of the leakage ablation.

Reads   data/features/VARIANT/{article_logmel,contour}.npy of the clean clips and of each augmented copy
Writes  data/ladder/contour_silence.npy (4, clips, 259): clean, noise, stretch, speed_pitch

Silence is the clip's own floor: extract.article.top_db (80) below the loudest value of its log-mel, to which
the log-mel is cut anyway.
"""

import numpy as np

from experiments.ladder.recipes import VARIANTS
from ser.data.fold import Array
from ser.features.logmel import CONTOUR_PADDING_DB
from ser.files import write_array
from ser.params import load_params
from stages import command
from stages.inputs import read_features


def with_silence(logmel: Array, contour: Array, *, top_db: float) -> Array:
    """Pad the end of a clip's frame-mean log-mel with the clip's own floor.

    The log-mel is cut ``top_db`` below its loudest value, so that frames of digital silence have exactly that
    floor in every band. With it as padding, the end of a short clip looks as if the recording went on
    silently, and no longer tells its length by being louder than speech.

    Parameters
    ----------
    logmel
        [shape=(n_mels, t)] in dB, its padding 0 dB in all bands.
    contour
        Its mean over the bands [shape=(t,)] in dB.
    top_db
        The parameter ``extract.article.top_db``, in dB.

    Returns
    -------
    numpy.ndarray [shape=(t,), dtype=float32]
    """
    padded = (logmel == CONTOUR_PADDING_DB).all(axis=0)  # (t,)
    if padded.all():
        raise ValueError("the log-mel has no frame that is not padding")
    floor = logmel[:, ~padded].max() - np.float32(top_db)
    filled: Array = np.where(padded, floor, contour).astype(np.float32)
    return filled


def main() -> None:
    """Pad every clip's frame-mean log-mel anew."""
    command.parser(__doc__).parse_args()
    params = load_params()
    top_db = params.extract.article.top_db
    copies = []
    for variant in VARIANTS:
        (logmels,), (contours,) = (read_features(name, [variant]) for name in ("article_logmel", "contour"))
        clips = zip(logmels, contours, strict=True)
        filled = np.stack([with_silence(*clip, top_db=top_db) for clip in clips])  # (clips, t)
        print(f"{variant:12} {(filled != contours).any(axis=1).sum()} of {len(filled)} clips had padding")
        copies.append(filled)
    write_array("data/ladder/contour_silence.npy", np.stack(copies))


if __name__ == "__main__":
    command.run(main)
