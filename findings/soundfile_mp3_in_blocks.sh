#!/usr/bin/env bash
# soundfile reads other samples from MP3, and at times from Opus, in blocks than in one go.
#
# Guess, written down before: blocks, one after the other, give the samples of one read.
# Behaviour of soundfile 0.14.0 with libsndfile 1.2.2: after each read it seeks to where it is already, and the
# decoder forgets the frames before. What depends on them, the bit reservoir of MP3 above all, comes out wrong
# or silent: up to -3 dB of the sound itself. How much turns with the sound, its rate and the size of blocks;
# some files differ by rounding alone. soundfile.blocks does the same. What is not seekable is not sought in:
# a subclass of SoundFile that says so reads the right samples, whereas a file object that does changes nothing.
# Seen, the difference from one read, against the sound, in blocks of 512 / 4096 / 10000 frames:
#   MP3 of LAME, 32 kbit/s, 44.1 kHz     -3 /   -6 /  -10 dB
#   MP3 of libsndfile, 24 kHz           -38 /  -48 /  -57
#   Opus, 48 kHz                        -51 / none / none
#   Vorbis, FLAC                       none
# by the subclass none (-200 dB is printed) but rounding, below -140 dB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soundfile==0.14.0 imageio-ffmpeg==0.8.1 numpy==2.4.6
# libmpg123 reports each frame that lacks its past on standard error.
"$folder/venv/bin/python" - 2> "$folder/errors" <<'PYTHON' || { tail -3 "$folder/errors" >&2; exit 1; }
import io
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import soundfile


class ReadingOn(soundfile.SoundFile):
    def seekable(self):
        return False


def voice(rate):
    seconds = np.arange(3 * rate) / rate
    phase = 2 * np.pi * np.cumsum(150 * 2 ** (np.sin(2 * np.pi * 1.5 * seconds) / 6)) / rate
    syllables = np.sqrt(np.clip(np.sin(4 * np.pi * seconds), 0, None))
    sound = syllables * sum(np.sin(k * phase) / k for k in range(1, 25))
    return 0.5 * sound / np.abs(sound).max() + np.random.default_rng(1).normal(scale=0.01, size=sound.size)


def by_libsndfile(rate, form, subtype=None):
    coded = io.BytesIO()
    soundfile.write(coded, voice(rate), rate, format=form, subtype=subtype)
    return coded.getvalue()


def by_lame(rate):
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "f32le", "-ar", str(rate), "-ac", "1"]
    how = ["-i", "-", "-b:a", "32k", "-f", "mp3", "-"]
    sound = voice(rate).astype("<f4").tobytes()
    return subprocess.run([*ffmpeg, *how], input=sound, stdout=subprocess.PIPE, check=True).stdout


def difference_db(coded, kind, size):
    whole = soundfile.read(io.BytesIO(coded))[0]
    with kind(io.BytesIO(coded)) as file:
        blocks = []
        while len(block := file.read(size)):
            blocks.append(block)
    error = np.concatenate(blocks) - whole
    return 10 * np.log10(np.mean(error**2) / np.mean(whole**2) + 1e-20)


files = {
    "MP3 of LAME": by_lame(44_100),
    "MP3 of libsndfile": by_libsndfile(24_000, "MP3"),
    "Opus": by_libsndfile(48_000, "OGG", "OPUS"),
    "Vorbis": by_libsndfile(48_000, "OGG", "VORBIS"),
    "FLAC": by_libsndfile(48_000, "FLAC"),
}
print("libsndfile", soundfile.__libsndfile_version__)
worst, best = {}, {}
for name, coded in files.items():
    usual = [difference_db(coded, soundfile.SoundFile, size) for size in (512, 4096, 10_000)]
    worst[name] = max(usual)
    best[name] = max(difference_db(coded, ReadingOn, size) for size in (512, 4096, 10_000))
    print(f"{name:18}", *(f"{it:5.0f}" for it in usual), f"dB; without seeks {best[name]:.0f} dB")
wrong = [name for name, level in worst.items() if level > -100]
if wrong != ["MP3 of LAME", "MP3 of libsndfile", "Opus"] or max(best.values()) > -130:
    sys.exit(f"changed: {', '.join(wrong) or 'none'} differ")
print("As described: MP3 and Opus differ in blocks, unless nothing is sought.")
PYTHON
