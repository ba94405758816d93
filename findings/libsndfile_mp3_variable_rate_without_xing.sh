#!/usr/bin/env bash
# libsndfile leaves out most of an MP3 of variable bit rate that ffmpeg wrote into a pipe, and says nothing.
#
# Guess, written down before: it is read to its end.
# Behaviour of soundfile 0.14.0 with libsndfile 1.2.2: into a pipe, ffmpeg cannot go back to write the frame of
# Xing that counts the others. libmpg123 then divides the size of the file by that of the first frame, of which
# LAME makes a large one, and libsndfile stops at so many samples, read whole or in blocks, without an error.
# ffmpeg reads all. So write MP3 to a file, or at a constant rate, and compare durations with another program.
# Seen: of 3 s, at 16 kHz 2.18 s, 24 kHz 1.52, 44.1 kHz 1.15, 48 kHz 1.01; all of them of a constant rate, of a
# file, and by ffmpeg.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soundfile==0.14.0 imageio-ffmpeg==0.8.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import io
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import soundfile

SECONDS = 3


def ffmpeg(*arguments, given):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *arguments]
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout


print("libsndfile", soundfile.__libsndfile_version__)
heard_s, others_s = [], []
for rate in (16_000, 24_000, 44_100, 48_000):
    seconds = np.arange(SECONDS * rate) / rate
    phase = 2 * np.pi * np.cumsum(150 * 2 ** (np.sin(2 * np.pi * 1.5 * seconds) / 6)) / rate
    syllables = np.sqrt(np.clip(np.sin(4 * np.pi * seconds), 0, None))
    voice = 0.1 * syllables * sum(np.sin(k * phase) / k for k in range(1, 25))
    given = (voice + np.random.default_rng(0).normal(scale=1e-4, size=voice.size)).astype("<f4").tobytes()
    sound = ["-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "-"]
    variable = ffmpeg(*sound, "-q:a", "4", "-f", "mp3", "-", given=given)
    constant = ffmpeg(*sound, "-b:a", "64k", "-f", "mp3", "-", given=given)
    ffmpeg(*sound, "-q:a", "4", "file.mp3", given=given)
    heard_s.append(len(soundfile.read(io.BytesIO(variable))[0]) / rate)
    others_s += [len(soundfile.read(it)[0]) / rate for it in (io.BytesIO(constant), "file.mp3")]
    others_s.append(len(ffmpeg("-i", "-", "-f", "s16le", "-", given=variable)) / 2 / rate)
    rest = ", ".join(f"{it:.2f}" for it in others_s[-3:])
    print(f"{rate} Hz: {heard_s[-1]:.2f} of {SECONDS} s; constant, to a file, by ffmpeg {rest}")
if max(heard_s) > 0.9 * SECONDS or min(others_s) < SECONDS:
    sys.exit("changed: 1.01 to 2.18 s of the variable rate were seen before, and all of the others")
print("As described: a variable rate without Xing's frame is cut off.")
PYTHON
