#!/usr/bin/env bash
# eGeMAPS' loudness nearly doubles, and its spectral flux triples, when a clip is upsampled from 16 to 48 kHz.
#
# Guess, written down before: copies at another rate keep F0 within 0.1 semitones, and jitter, shimmer and HNR
# within 10 %; loudness was not thought of.
# Behaviour of opensmile 2.6.0, eGeMAPSv02: magnitudes grow with the number of samples in a frame. Upsampled, the
# same 20 ms have three times the samples, and nothing is added above 8 kHz; yet flux is about three times as
# large, and loudness, which compresses, 1.8 times. Equivalent sound level stays. The guess failed as well: of a
# clip of RAVDESS the mean HNR was 4.7, 3.8 and 2.1 dB at 8, 16 and 48 kHz, and F0 1.2 semitones lower at 48 than
# at 16 kHz. So features of corpora at 16, 44.1 and 48 kHz are not comparable, and loudness tells one corpus from
# another: resample all clips to one rate first. The package does so only if it is told a rate.
# Seen: loudness 0.73 -> 1.32, spectral flux 0.11 -> 0.32, equivalent sound level -19.90 dB both times.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet opensmile==2.6.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
import opensmile

RATE = 16_000
seconds = np.arange(3 * RATE) / RATE
phase = 2 * np.pi * np.cumsum(150 * 2 ** (np.sin(2 * np.pi * 1.5 * seconds) / 6)) / RATE
syllables = np.sqrt(np.clip(np.sin(2 * np.pi * seconds), 0, None))
voice = 0.2 * syllables * sum(np.sin(k * phase) / k for k in range(1, 25))
voice += np.random.default_rng(0).normal(0, 1e-4, voice.size)
upsampled = 3 * np.fft.irfft(np.fft.rfft(voice), 3 * voice.size)
smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
at_16, at_48 = (
    smile.process_signal(sound.astype(np.float32), rate).iloc[0]
    for sound, rate in ((voice, RATE), (upsampled, 3 * RATE))
)
names = ["loudness_sma3_amean", "spectralFlux_sma3_amean", "equivalentSoundLevel_dBp"]
for name in names:
    print(f"{name:25} {at_16[name]:6.2f} at 16 kHz, {at_48[name]:6.2f} at 48 kHz")
loudness, flux, level = (at_48[name] / at_16[name] for name in names)
if not (1.6 < loudness < 2 and 2.6 < flux < 3.2 and 0.99 < level < 1.01):
    sys.exit("changed: loudness and flux no longer grow with the sampling rate")
print("As described: the same sound, and other features.")
PYTHON
