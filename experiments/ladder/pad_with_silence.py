"""Pad the frame-mean log-mels with silence instead of 0 dB, for the fourth step of the leakage ablation.

Reads   data/features/VARIANT/{article_logmel,contour}.npy of the clean clips and of each augmented copy
Writes  data/ladder/contour_silence.npy (4, clips, 259): clean, noise, stretch, speed_pitch

Silence is the clip's own floor: extract.article.top_db (80) below the loudest value of its log-mel, to which
the log-mel is cut anyway.
"""

import numpy as np

from experiments.ladder.padding import with_silence
from experiments.ladder.recipes import VARIANTS
from ser.files import write_array
from ser.params import load_params
from stages import command
from stages.inputs import read_features


def main() -> None:
    """Pad every clip's frame-mean log-mel anew."""
    command.parser(__doc__).parse_args()
    params = load_params()
    top_db = params.extract.article.top_db
    copies = []
    for variant in VARIANTS:
        (logmels,), (contours,) = (read_features(name, [variant]) for name in ("article_logmel", "contour"))
        pairs = zip(logmels, contours, strict=True)
        filled = np.stack([with_silence(logmel, contour, top_db=top_db) for logmel, contour in pairs])
        print(f"{variant:12} {(filled != contours).any(axis=1).sum()} of {len(filled)} clips had padding")
        copies.append(filled)
    write_array("data/ladder/contour_silence.npy", np.stack(copies))


if __name__ == "__main__":
    command.run(main)
