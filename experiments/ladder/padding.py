"""Frame-mean log-mels padded with silence, from the article's log-mels, which are padded with 0 dB."""

import numpy as np

from ser.data.fold import Array
from ser.features.logmel import CONTOUR_PADDING_DB


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
        [shape=(t,)], its mean over the bands.
    top_db
        Of the section ``extract.article``.

    Returns
    -------
    numpy.ndarray [shape=(t,), dtype=float32]
    """
    padded = (logmel == CONTOUR_PADDING_DB).all(axis=0)
    if padded.all():
        raise ValueError("the log-mel has no frame that is not padding")
    floor = logmel[:, ~padded].max() - np.float32(top_db)
    filled: Array = np.where(padded, floor, contour).astype(np.float32)
    return filled
