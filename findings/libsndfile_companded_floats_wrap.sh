#!/usr/bin/env bash
# libsndfile wraps floats beyond full scale round to the other sign, in mu-law, A-law and GSM 6.10.
#
# Guess, written down before: they are clipped, as floats that are written as PCM_16 are.
# Behaviour of soundfile 0.14.0 with libsndfile 1.2.2: PCM_16 clips, but a sine of amplitude 1.5 comes back from
# mu-law, A-law and GSM with its peaks on the wrong side, an error of up to twice full scale. What makes a
# recording louder and then codes it must clip in between.
# Seen, the greatest difference from the clipped sine: PCM_16 0.00, mu-law 1.98, A-law 1.34, GSM 2.00.
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

print("libsndfile", soundfile.__libsndfile_version__)
loud = 1.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000).astype(np.float32)
errors = {}
for file_format, subtype in (("AU", "PCM_16"), ("AU", "ULAW"), ("AU", "ALAW"), ("AIFF", "GSM610")):
    coded = io.BytesIO()
    soundfile.write(coded, loud, 8000, format=file_format, subtype=subtype)
    coded.seek(0)
    heard = soundfile.read(coded, dtype="float32")[0]
    errors[subtype] = float(np.abs(heard - np.clip(loud, -1, 1)).max())
    print(f"{subtype:8} greatest difference from the clipped sine {errors[subtype]:.2f}")
wrapped = [subtype for subtype, error in errors.items() if error > 1]
if wrapped != ["ULAW", "ALAW", "GSM610"]:
    sys.exit(f"changed: wrapped in {wrapped}")
print("As described: mu-law, A-law and GSM wrap, PCM_16 clips.")
PYTHON
