#!/usr/bin/env bash
# libsndfile adds 40 ms of noise, often loud, to a WAV of GSM 6.10 that has an odd number of blocks.
#
# Guess, written down before: such a file ends as it was written, with silence at most.
# Behaviour of soundfile 0.14.0 with libsndfile 1.2.2: an odd number of blocks of 65 bytes is padded by one byte
# in WAV, and libsndfile decodes that byte, and the last 64 before it once more, as another block. Of calls of any
# length, half so end in 320 samples that nobody spoke. fact, in the header, counts the true ones. AIFF has no
# such end: libsndfile counts its blocks right. In a quiet pause it may be RMS 0.01.
# Seen: 1, 15, 25, 63 blocks end in 320 samples of RMS 0.66, 0.67, 0.42, 0.34, where the sound has 0.13 to 0.15;
# 2, 16, 26, 64 blocks, and AIFF, in none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soundfile==0.14.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys

import numpy as np
import soundfile

seconds = np.arange(3 * 8000) / 8000
phase = 2 * np.pi * np.cumsum(150 * 2 ** (np.sin(2 * np.pi * 1.5 * seconds) / 6)) / 8000
voice = np.sqrt(np.clip(np.sin(4 * np.pi * seconds), 0, None)) * sum(np.sin(k * phase) / k for k in range(1, 25))
voice = 0.5 * voice / np.abs(voice).max() + np.random.default_rng(1).normal(scale=0.01, size=voice.size)


def coded_and_read(sound, form):
    file = io.BytesIO()
    soundfile.write(file, sound, 8000, format=form, subtype="GSM610")
    file.seek(0)
    return soundfile.read(file)[0]


def rms(sound):
    return float(np.sqrt(np.mean(sound**2)))


print("libsndfile", soundfile.__libsndfile_version__)
ends, in_aiff = {}, []
for blocks in (1, 2, 15, 16, 25, 26, 63, 64):
    sound = voice[: 320 * blocks]
    heard = coded_and_read(sound, "WAV")
    ends[blocks] = heard[sound.size :]
    in_aiff.append(coded_and_read(sound, "AIFF").size - sound.size)
    end = f"{ends[blocks].size} samples of RMS {rms(ends[blocks]):.2f}" if ends[blocks].size else "none"
    print(f"{blocks:2} blocks, RMS {rms(heard[: sound.size]):.2f}: more at the end {end}")
odd = all(end.size == 320 * (blocks % 2) for blocks, end in ends.items())
if not odd or min(rms(ends[blocks]) for blocks in (1, 15, 25, 63)) < 0.05 or any(in_aiff):
    sys.exit("changed: 320 samples of RMS 0.34 to 0.67 after odd numbers of blocks were seen before")
print("As described: after an odd number of blocks comes noise.")
PYTHON
