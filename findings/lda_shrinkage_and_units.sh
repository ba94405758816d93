#!/usr/bin/env bash
# scikit-learn's LDA depends on the columns' units with shrinkage=0.5, and does not with shrinkage="auto".
#
# Guess, written down before: both depend on them, as both shrink towards a multiple of the identity.
# Behaviour of scikit-learn 1.8.0, solvers lsqr and eigen: for "auto" the columns are standardised, shrunk by
# Ledoit and Wolf's estimate, and scaled back, so that units cancel; a number is the weight of the identity in
# the covariance as it is. Of 120 clips, one of six columns multiplied by 1000, that changes 62 answers at 0.5
# and still 60 at 0.001; with "auto" and without shrinkage none changes. So a grid of numbers around the value
# that "auto" found does not search around the same estimator, unless the columns are standardised first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.8.0
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

draw = np.random.default_rng(0)
y = np.repeat([0, 1, 2], 40)
x = draw.normal(size=(120, 6)) + y[:, None] * draw.normal(size=6)
in_other_units = x * [1, 1, 1, 1, 1, 1000]
changed = {}
for solver in ("lsqr", "eigen"):
    for shrinkage in ("auto", None, 0.001, 0.5):
        model = LinearDiscriminantAnalysis(solver=solver, shrinkage=shrinkage)
        before, after = (model.fit(it, y).predict(it) for it in (x, in_other_units))
        changed[solver, shrinkage] = int((before != after).sum())
        print(f"{solver:6} shrinkage={shrinkage}: {changed[solver, shrinkage]} of 120 answers change")
if any((n > 0) != isinstance(shrinkage, float) for (_, shrinkage), n in changed.items()):
    raise SystemExit("changed: a number alone depended on units before")
PYTHON
echo "As described: only a number depends on the columns' units."
