"""Transfer learning from Whisper: a feature set for each layer of its encoder and of the speaker encoder.

Each layer has an LDA of its own in an ensemble, see `ser.models.lda_ensemble`.
"""

import pandas as pd

from ser.data.fold import Array, take
from ser.models.speaker_adaptation import Speech

WHISPER, BOTH = "whisper_lda", "encoders_lda"
"""The ensemble on Whisper's layers alone, and that on the layers of both encoders."""


def sides_of(
    views: dict[str, Array], clips: pd.DataFrame, split: pd.DataFrame, *, fold: int
) -> tuple[Speech, Speech]:
    """Give training and test clips of a fold, as experiments/distillation reads them; validation clips train.

    Parameters
    ----------
    views
        Feature sets [shape=(clips, columns)] of all clips, by their names.
    clips, split
        The table of clips, and the split of a protocol: ``fold``, ``clip``, ``role``.
    fold
        Number of the fold, 0-based.

    Returns
    -------
    training, test : Speech
        The clips of both roles, in all feature sets.
    """
    together = split.replace({"role": {"validation": "train"}})
    training, test = (
        Speech.join({name: take(clips, together, [x], fold=fold, role=role) for name, x in views.items()})
        for role in ("train", "test")
    )
    return training, test
