#!/usr/bin/env bash
# libsndfile reads WAV, AU and AIFF from ffmpeg's pipe, but nothing of FLAC, CAF, W64 and RF64.
#
# Guess, written down before: where a header does not know the length, AU, RF64, CAF and W64 are read to their
# end. (AU was; on FLAC there was no guess.)
# Behaviour of soundfile 0.14.0 with libsndfile 1.2.2: CAF of size -1, by which its specification says "to the
# end", is refused as malformed. FLAC of 0 samples, for "unknown", is said to have 2^63 - 1, for which
# soundfile.read has no room, and soundfile.blocks fails at the last block. RF64 whose sizes are 0 is read as no
# sound at all, without an error; W64 of size -1 is read by its path, but refused from a file object. ffmpeg
# itself reads WAV, AU, FLAC and CAF. So let ffmpeg write WAV into pipes, and count the samples that come.
# Seen, of 32000 samples: WAV, AU, AIFF 32000; RF64 0; FLAC "array is too big"; CAF refused; W64 refused.
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

tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(32_000) / 16_000)
FORMS = {
    **{name: ["-f", name.lower()] for name in ("WAV", "AU", "AIFF", "FLAC", "CAF", "W64")},
    "RF64": ["-f", "wav", "-rf64", "always"],
}


def ffmpeg(*how, given, check=True):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *how, "-"]
    return subprocess.run(command, input=given, capture_output=True, check=check).stdout


def samples(read):
    try:
        return len(read()[0])
    except (soundfile.LibsndfileError, ValueError, MemoryError) as error:
        return type(error).__name__


print("libsndfile", soundfile.__libsndfile_version__)
found, by_path = {}, {}
for name, how in FORMS.items():
    sound = ["-f", "f32le", "-ar", "16000", "-ac", "1", "-i", "-"]
    piped = ffmpeg(*sound, *how, given=tone.astype("<f4").tobytes())
    with open("piped", "wb") as file:
        file.write(piped)
    found[name] = samples(lambda piped=piped: soundfile.read(io.BytesIO(piped)))
    by_path[name] = samples(lambda: soundfile.read("piped"))
    itself = len(ffmpeg("-i", "-", "-f", "s16le", given=piped, check=False)) // 2
    print(f"{name:4} from an object {found[name]}, by its path {by_path[name]}; by ffmpeg {itself}")
wanted = {"WAV": tone.size, "AU": tone.size, "AIFF": tone.size, "RF64": 0}
read = {name: number for name, number in found.items() if isinstance(number, int)}
if read != wanted or by_path["CAF"] == tone.size or by_path["FLAC"] == tone.size or by_path["W64"] != tone.size:
    sys.exit("changed: of FLAC, CAF, W64 and RF64 nothing was read before, but W64 by its path")
print("As described: WAV, AU and AIFF are read, the others are not.")
PYTHON
