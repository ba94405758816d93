#!/usr/bin/env bash
# libsndfile takes the heads of blocks in a VOC for samples, so that what ffmpeg writes clicks and grows longer.
#
# Guess, written down before: a VOC of several blocks, as ffmpeg writes it, is read.
# Behaviour of soundfile 0.14.0 with libsndfile 1.2.2: the first block is read as if the rest of the file were
# its own. ffmpeg begins a new one every 1024 samples or so; in 16 bits its head of 4 bytes becomes two samples
# near zero, a click within the voice, and what follows is late by them. In mu-law, heads are near full scale.
# 8 bits are refused ("incompatible VOC sections"). ffmpeg reads all of them; convert VOC by it.
# Seen, of 3 s: 16 bits 92 samples more, mu-law and A-law 184 more, 8 bits refused; by ffmpeg none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soundfile==0.14.0 imageio-ffmpeg==0.8.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import soundfile


def ffmpeg(*arguments, given=b""):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *arguments]
    return subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout


def read(file):
    try:
        return soundfile.read(file, dtype="float32")[0]
    except soundfile.LibsndfileError as error:
        print(f"refused: {error.error_string}")
        return None


print("libsndfile", soundfile.__libsndfile_version__)
more = {}
for code, rate in (("pcm_s16le", 16_000), ("pcm_mulaw", 8000), ("pcm_alaw", 8000), ("pcm_u8", 16_000)):
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(3 * rate) / rate)
    sound = ["-f", "f32le", "-ar", str(rate), "-ac", "1", "-i", "-"]
    ffmpeg(*sound, "-c:a", code, "sound.voc", given=tone.astype("<f4").tobytes())
    right = np.frombuffer(ffmpeg("-i", "sound.voc", "-f", "f32le", "-"), "<f4")
    if right.size != tone.size:
        sys.exit(f"changed: ffmpeg reads {right.size} of {tone.size} samples")
    heard = read("sound.voc")
    more[code] = None if heard is None else heard.size - tone.size
    if more[code]:
        at = int(np.flatnonzero(heard[: tone.size] != right)[0])
        wrong, true = (it[at : at + 4].round(3) for it in (heard, right))
        print(f"{code}: {more[code]} samples more; at {at} {wrong} for {true}")
if more != {"pcm_s16le": 92, "pcm_mulaw": 184, "pcm_alaw": 184, "pcm_u8": None}:
    sys.exit(f"changed: {more} samples more")
print("As described: heads of blocks become samples.")
PYTHON
