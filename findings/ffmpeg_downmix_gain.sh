#!/usr/bin/env bash
# ffmpeg's -ac 1 is 3 dB louder into floats than into 16 bits, and beyond full scale.
#
# Guess, written down before: stereo to mono by -ac 1 is the mean of both channels.
# Behaviour of imageio-ffmpeg 0.8.1 (ffmpeg n9.0.2): into integers it is the mean. Into floats (-f f32le, Vorbis)
# each channel counts 0.71, so that a voice in both, as most are, comes 3.0 dB louder, and from a peak of 0.9 to
# 1.27, which clips in whatever makes integers of it. Of 5.1, floats keep the centre as it is, 10.7 dB above what
# integers become, and both leave the bass out. The format of what comes out decides, not that of what goes in,
# so that ways to load a file (transformers' ffmpeg_read asks for floats) differ in level. By
# -af aresample=rematrix_maxval=1 floats become as integers do.
# Seen: one tone in both channels of stereo: floats +3.0 dB, peak 1.27; 16 bits 0.0 dB, 0.90, as floats with
# rematrix_maxval=1. Of 5.1, front, centre, bass and surround count 0.71, 1, 0 and 0.5 in floats, and 0.21, 0.29,
# 0 and 0.15 in 16 bits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet imageio-ffmpeg==0.8.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys

import imageio_ffmpeg
import numpy as np

tone = 0.9 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
TYPES = {"f32le": ("<f4", 1), "s16le": ("<i2", 32768)}


def mono(channels, layout, given, wanted, *more):
    """The peak of a mix of channels, given and wanted in a format of samples."""
    kind, full = TYPES[given]
    samples = np.round(channels * full) if full > 1 else channels
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    how = ["-f", given, "-ar", "48000", "-ch_layout", layout, "-i", "-", *more, "-ac", "1", "-f", wanted, "-"]
    sound = samples.astype(kind).tobytes()
    mixed = subprocess.run([*ffmpeg, *how], input=sound, stdout=subprocess.PIPE, check=True).stdout
    kind, full = TYPES[wanted]
    return float(np.abs(np.frombuffer(mixed, kind) / full).max())


both = np.stack([tone, tone], axis=1)
peaks = {}
for given in TYPES:
    for wanted in TYPES:
        peaks[given, wanted] = mono(both, "stereo", given, wanted)
        gain_db = 20 * np.log10(peaks[given, wanted] / 0.9)
        print(f"stereo, {given} to {wanted}: peak {peaks[given, wanted]:.2f}, {gain_db:+.1f} dB")
limited = mono(both, "stereo", "f32le", "f32le", "-af", "aresample=rematrix_maxval=1")
print(f"stereo to f32le with rematrix_maxval=1: peak {limited:.2f}")
factors = {}
for wanted in TYPES:
    alone = [tone[:, None] * (np.arange(6) == number) for number in range(6)]
    factors[wanted] = np.array([mono(it, "5.1", "f32le", wanted) for it in alone]) / 0.9
    print(f"5.1 to {wanted}: left, right, centre, bass, surrounds", factors[wanted].round(2))
as_before = (
    all(abs(peak - (1.273 if wanted == "f32le" else 0.9)) < 0.01 for (_, wanted), peak in peaks.items())
    and abs(limited - 0.9) < 0.01
    and np.allclose(factors["f32le"], [0.707, 0.707, 1, 0, 0.5, 0.5], atol=0.01)
    and np.allclose(factors["s16le"], [0.207, 0.207, 0.293, 0, 0.146, 0.146], atol=0.01)
)
if not as_before:
    sys.exit("changed: peaks of 1.27 in floats and 0.90 in 16 bits were seen before")
print("As described: floats are louder than integers, which are the mean.")
PYTHON
