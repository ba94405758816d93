#!/usr/bin/env bash
# Two thirds of the energy of AddColorNoise's pink noise lie below 62.5 Hz, where hardly anything is heard.
#
# Guess, written down before: with f_decay = -3.01, documented as pink, the density falls by 3 dB an octave from
# 50 Hz up to the Nyquist frequency, within 1 dB.
# Behaviour of audiomentations 0.43.1 at 16 kHz, with its other defaults: the density is shaped by a filter of
# n_fft = 128 points, so in steps of 125 Hz, and the lowest, which stands for 0 Hz, gets the gain of 1 Hz, 21 dB
# above that of 125 Hz. About 70 % of the energy lie below 62.5 Hz; of pink noise from 20 Hz up it would be 19 %.
# The SNR counts this energy: above 62.5 Hz the noise is some 4 dB weaker than pink noise of the same SNR.
# Seen: density of 31 to 62 Hz over that of 1 to 2 kHz 28 dB (pink noise: 15 dB), 70 % below 62.5 Hz.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet audiomentations==0.43.1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import random
import sys

import numpy as np
from audiomentations import AddColorNoise
from scipy.signal import welch

RATE = 16_000
random.seed(0)
np.random.seed(0)
almost_silent = np.full(60 * RATE, 1e-9, dtype=np.float32)
transform = AddColorNoise(min_snr_db=-100, max_snr_db=-100, min_f_decay=-3.01, max_f_decay=-3.01, p=1.0)
noise = transform(almost_silent, RATE).astype(np.float64)
hz, density = welch(noise, RATE, nperseg=4096)


def level(low: float, high: float) -> float:
    return float(10 * np.log10(density[(hz >= low) & (hz < high)].mean()))


share = float(density[hz < 62.5].sum() / density.sum())
excess = level(31, 62) - level(1000, 2000)
print(f"density of 31 to 62 Hz over that of 1 to 2 kHz: {excess:.1f} dB; pink noise: 15.1 dB")
print(f"share of the energy below 62.5 Hz: {share:.2f}")
if not (share > 0.5 and excess > 20):
    sys.exit("changed: most of the energy is no longer below 62.5 Hz")
print("As described: most of the pink noise is below 62.5 Hz.")
PYTHON
