#!/usr/bin/env bash
# ClippingDistortion of 1 % clips nothing, and that of 3 % as much as that of 2 %.
#
# Guess, written down before: 1 % of the samples are clipped at 1, and 3 % at 3, half of them at either end, as its
# documentation describes.
# Behaviour of audiomentations 0.43.1: half of the drawn percentage is rounded down to a whole number, to 0 of 1
# and to 1 of 3. It is of all samples, digital silence included: 10 % of a recording that is half silent are
# 20 % of its speech.
# Seen: 1 -> 0.00 %, 2 -> 2.00 %, 3 -> 2.00 %, 10 -> 10.00 %.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet audiomentations==0.43.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import numpy as np
from audiomentations import ClippingDistortion

samples = np.random.default_rng(0).normal(0, 0.1, 100_000).astype(np.float32)
shares = {}
for percent in (1, 2, 3, 10):
    clipped = ClippingDistortion(percent, percent, p=1.0)(samples, 16_000)
    shares[percent] = 100 * float((clipped != samples).mean())
    print(f"{percent:2} % asked for: {shares[percent]:.2f} % clipped")
if shares[1] > 0 or abs(shares[3] - shares[2]) > 0.01:
    sys.exit("changed: odd percentages are no longer rounded down")
print("As described: odd percentages are rounded down to even ones.")
PYTHON
