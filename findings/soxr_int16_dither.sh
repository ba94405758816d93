#!/usr/bin/env bash
# soxr dithers what it returns as int16: digital silence comes back as noise.
#
# Guess, written down before: zeros stay zeros, and int16 samples come back as the rounded result of float ones.
# Behaviour of soxr 1.1.0: an int16 array is returned as int16, dithered before it is rounded. A quarter of the
# samples of a silent second are then 1 or -1, at -97 dBFS; of a tone a third differ from the rounded result, by
# up to 1.5 steps. The dither is the same in every call, so equal clips stay equal, but a copy that was read as
# int16 and one that was read as float differ. int32 and floats are not dithered. Who looks for runs of zeros, as
# of padding or a muted microphone, looks before resampling, or resamples floats.
# Seen: int16 23 % of a silent second not zero; int32, float32 and float64 0 %.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soxr==1.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import soxr

print("soxr", soxr.__version__, "libsoxr", soxr.__libsoxr_version__)
not_zero = {}
for dtype in ("int16", "int32", "float32", "float64"):
    silence, again = (soxr.resample(np.zeros(48_000, dtype), 48_000, 16_000) for _ in range(2))
    not_zero[dtype] = float((silence != 0).mean())
    same = "the same" if (silence == again).all() else "others"
    print(f"{dtype:8} {100 * not_zero[dtype]:3.0f} % of silence are not zero, {same} in a second call")
tone = np.round(8000 * np.sin(np.arange(48_000) / 50)).astype(np.int16)
integers, floats = (soxr.resample(it, 48_000, 16_000) for it in (tone, tone.astype(np.float64)))
differing = float((integers != np.round(floats)).mean())
largest = np.abs(integers - floats).max()
print(f"{100 * differing:.0f} % of a tone are not the rounded result, by up to {largest:.1f}")
if [dtype for dtype, share in not_zero.items() if share > 0] != ["int16"] or not differing:
    sys.exit("changed: int16 is no longer the one type that is dithered")
print("As described: int16 alone is dithered.")
PYTHON
