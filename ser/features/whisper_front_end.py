"""The input of Whisper's encoder, computed by NumPy alone: importing librosa takes seconds.

References
----------
Radford A et al. (2023). Robust Speech Recognition via Large-Scale Weak Supervision. ICML.
"""

import numpy as np
import numpy.typing as npt

from ser.errors import InputError
from ser.features.front_end import MelSettings, mel_power

Array = npt.NDArray[np.float32]

WHISPER_MEL = MelSettings(
    sample_rate=16_000, n_fft=400, win_length=400, hop_length=160, n_mels=80, fmin=0.0, fmax=8000.0
)
"""What Whisper was trained with: windows of 25 ms every 10 ms."""
LONGEST_S = 30.0
"""In seconds; the encoder was trained with no later positions."""
_LEAST_POWER = 1e-10
_RANGE = 8
"""From the loudest value to the quietest that is told apart, in decades of power."""
_REFLECTED = 2
"""Number of hops that are reflected at both ends, at least half a window."""


def whisper_mel(speech: Array) -> Array:
    """Compute the log-mel that Whisper's encoder reads.

    Whisper itself reads 30 s always, most of them silence, and its loudest value is that of all 30 s. Here
    it is that of the speech: the same where silence follows.

    Parameters
    ----------
    speech
        [shape=(n,)] Samples at 16 kHz, full scale being 1. Silence follows where there are less than 400.

    Returns
    -------
    numpy.ndarray [shape=(max(n, 400) // 160, 80), dtype=float32]
        Decimal logarithm of the power, at most 8 below the greatest, moved and scaled to lie about 0.

    Raises
    ------
    InputError
        Where the speech is longer than 30 s.
    """
    mel = WHISPER_MEL
    if len(speech) > LONGEST_S * mel.sample_rate:
        raise InputError(
            f"{len(speech) / mel.sample_rate:.1f} s of speech, but Whisper's encoder reads {LONGEST_S:.0f} s "
            "at most; cut it into windows"
        )
    speech = np.pad(speech, (0, max(0, mel.n_fft - len(speech))))
    reflected = np.pad(speech, _REFLECTED * mel.hop_length, mode="reflect")
    # Of the frames centred on the speech the last is left out, as Whisper does: (n // hop_length, n_mels).
    power = mel_power(reflected, settings=mel)[_REFLECTED : -_REFLECTED - 1]
    level = np.log10(np.maximum(power, np.float32(_LEAST_POWER)))
    scaled = (np.maximum(level, level.max() - _RANGE) + 4) / 4
    return np.asarray(scaled, dtype=np.float32)
