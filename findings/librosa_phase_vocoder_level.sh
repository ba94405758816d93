#!/usr/bin/env bash
# librosa's time_stretch and pitch_shift make a voice three to four decibels quieter, and hardly a steady tone.
#
# Guess, written down before: three semitones up change the pitch, and the level by less than 1 dB.
# Behaviour of librosa 0.11.0 at 16 kHz, with its defaults: the phase vocoder moves each bin's phase on by
# itself, so that neither overlapping frames nor the bins of one harmonic agree any longer. Frames that do not
# agree add up as noise does, which is 3.1 dB less for Hann windows that overlap by three quarters. A stretch by
# 2 % already takes 2.6 dB; a tone, whose frames still agree, loses less than 1 dB. Of a clip of RAVDESS it took
# 3.6 to 4.7 dB. audiomentations' TimeStretch and PitchShift do the same with method="librosa_phase_vocoder", and
# took 0.4 dB with their other method. So augmented copies are quieter than their originals: a classifier of
# features that keep the level sees two groups, unless copies get the level of their originals back.
# Seen: 2 % slower -2.6 dB, 10 % slower or faster -4.2, two semitones down or up -3.3 and -3.9; a tone -0.8 at
# most.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet librosa==0.11.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import librosa
import numpy as np

RATE = 16_000
seconds = np.arange(3 * RATE) / RATE
phase = 2 * np.pi * np.cumsum(150 * 2 ** (np.sin(2 * np.pi * 1.5 * seconds) / 6)) / RATE
sounds = {
    "voice": 0.1 * sum(np.sin(k * phase) / k for k in range(1, 30)),
    "white noise": np.random.default_rng(0).normal(0, 0.1, seconds.size),
    "tone": 0.3 * np.sin(2 * np.pi * 440 * seconds),
}
changes = {
    "slower by 2 %": lambda sound: librosa.effects.time_stretch(sound, rate=0.98),
    "slower by 10 %": lambda sound: librosa.effects.time_stretch(sound, rate=0.9),
    "faster by 10 %": lambda sound: librosa.effects.time_stretch(sound, rate=1.1),
    "2 semitones down": lambda sound: librosa.effects.pitch_shift(sound, sr=RATE, n_steps=-2),
    "2 semitones up": lambda sound: librosa.effects.pitch_shift(sound, sr=RATE, n_steps=2),
}
print("librosa", librosa.__version__)
gains = {}
for name, sound in sounds.items():
    for change, apply in changes.items():
        gains[name, change] = float(10 * np.log10(np.mean(apply(sound) ** 2) / np.mean(sound**2)))
        print(f"{name:12} {change:17} {gains[name, change]:5.1f} dB")
if any((gain > -1.5) != (name == "tone") for (name, _), gain in gains.items()):
    sys.exit("changed: a voice keeps its level, or a tone does not")
print("As described: voice and noise lose their level, the tone does not.")
PYTHON
