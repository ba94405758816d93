#!/usr/bin/env bash
# Resamplers to 16 kHz differ by 28 dB at 7.5 kHz, and two common ones fold 8.3 kHz back into the band.
#
# Guess, written down before: at 44.1 to 16 kHz a tone of 7.5 kHz loses less than 0.5 dB everywhere; one of 8.3
# kHz, which has no place below 8 kHz, is folded to 7.7 kHz at -40 dB by scipy's resample_poly, -50 by ffmpeg,
# -60 by resampy and below -100 dB by soxr. To 8 kHz, scipy's decimate keeps 3.4 kHz within 0.5 dB.
# Behaviour of soxr 1.1.0 (HQ), resampy 0.4.3, scipy 1.17.1 and imageio-ffmpeg 0.8.1 (ffmpeg n9.0.2), by default:
#                            7.5 kHz     8.3 kHz, folded
#   soxr                     -0.4 dB     -138 dB
#   resample_poly            -1.8        -10
#   ffmpeg -ar               -2.9        -19
#   resampy, kaiser_best    -14.4       -100
#   resampy, kaiser_fast    -28.7        -65
# and from 16 to 8 kHz at 3.4 kHz, inside the telephone band: decimate -9.6 dB, kaiser_fast -3.5, others within
# 0.1. The top of the band tells which tool made a file. Corpora that were resampled by different ones differ
# there, as do training and use: resample all with one. (librosa.resample is soxr HQ unless told otherwise.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
    soxr==1.1.0 resampy==0.4.3 scipy==1.17.1 imageio-ffmpeg==0.8.1 soundfile==0.14.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import resampy
import soundfile
import soxr
from scipy.signal import decimate, resample_poly


def by_ffmpeg(sound, rate, to):
    soundfile.write("from.wav", sound, rate, subtype="FLOAT")
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-i", "from.wav"]
    subprocess.run([*ffmpeg, "-ar", str(to), "-c:a", "pcm_f32le", "to.wav"], check=True, stdin=subprocess.DEVNULL)
    return soundfile.read("to.wav")[0]


resamplers = {
    "soxr": soxr.resample,
    "resample_poly": lambda sound, rate, to: resample_poly(sound, to // 100, rate // 100),
    "ffmpeg": by_ffmpeg,
    "kaiser_best": resampy.resample,
    "kaiser_fast": lambda sound, rate, to: resampy.resample(sound, rate, to, filter="kaiser_fast"),
    "decimate": lambda sound, rate, to: decimate(sound, rate // to),
}
print("ffmpeg", imageio_ffmpeg.get_ffmpeg_version())


def gain(resampler, rate, to, hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(2 * rate) / rate)
    resampled = resamplers[resampler](tone, rate, to)[to // 2 : -to // 2]
    decibels = round(float(10 * np.log10(2 * np.mean(resampled**2) + 1e-20)), 1)
    print(f"{resampler:13} {rate} to {to} Hz: {hertz} Hz {decibels:6.1f} dB")
    return decibels


whole = [name for name in resamplers if name != "decimate"]
kept = [gain(name, 44_100, 16_000, 7500) for name in whole]
folded = [gain(name, 44_100, 16_000, 8300) for name in whole]
telephone = [gain(name, 16_000, 8000, 3400) for name in resamplers]
seen = [[-0.4, -1.8, -2.9, -14.4, -28.7], [-138, -10.4, -18.6, -99.7, -64.6], [0, -0.1, -0.1, 0, -3.5, -9.6]]
for now, before in zip([kept, folded, telephone], seen, strict=True):
    if not np.allclose(now, before, rtol=0.1, atol=0.3):
        sys.exit(f"changed: {now}, before {before}")
print("As described: the resamplers agree neither below nor above 8 kHz.")
PYTHON
