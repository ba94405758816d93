#!/usr/bin/env bash
# kaldi-native-fbank adds noise by default: features of a clip depend on the clips that were computed before it.
#
# Guess, written down before: dither is off by default, and one clip gives the same numbers twice.
# Behaviour of kaldi-native-fbank 1.23.0: the default is dither = 0.00003, one step of 16 bits. The generator
# lives as long as the process and always starts at the same seed. So the first clip of every process has the
# same features, which hides it from a test, but in another order, or divided among other workers, each clip gets
# others. Of noise at -40 dBFS they differ by up to 0.02, but where a band is quiet, as beside a tone or in
# digital silence, by 1.7 (natural logarithm, 7 dB). With frame_opts.dither = 0 all are the same. A stage whose
# outputs must be the same bytes sets it.
# Seen, largest difference between two computations: noise 0.02, tone 1.6, silence 1.7; with dither = 0 none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kaldi-native-fbank==1.23.0 numpy==2.4.6
cat >"$folder/twice.py" <<'PYTHON'
import sys

import kaldi_native_fbank
import numpy as np

RATE = 16_000


def features(sound, dither):
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = RATE
    if dither is not None:
        options.frame_opts.dither = dither
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(RATE, sound.tolist())
    fbank.input_finished()
    return np.array([fbank.get_frame(n) for n in range(fbank.num_frames_ready)])


sounds = {
    "noise": np.random.default_rng(0).normal(0, 0.01, RATE),
    "tone": 0.1 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE),
    "silence": np.zeros(RATE),
}
for name, sound in sounds.items():
    first, second = features(sound, None), features(sound, None)
    without = np.abs(features(sound, 0) - features(sound, 0)).max()
    print(f"{name:8} largest difference {np.abs(first - second).max():.4f}, with dither=0 {without:.4f}")
    if (first == second).all() or without:
        sys.exit("changed: not dithered by default, or dithered when told not to")
PYTHON
"$folder/venv/bin/python" "$folder/twice.py" | tee "$folder/first.txt"
"$folder/venv/bin/python" "$folder/twice.py" >"$folder/second.txt"
cmp "$folder/first.txt" "$folder/second.txt" || { echo "changed: processes differ, too" >&2; exit 1; }
echo "As described: two computations in a process differ, and two processes do not."
