#!/usr/bin/env bash
# One set of predictions has a UAR of 0.43, 0.68, 0.85 or 1.00: tools differ on answers that the corpus lacks.
#
# Guess, written down before: audmetric's UAR is scikit-learn's balanced accuracy, the mean recall of the
# emotions that the test clips have; with `labels` it is the same for the emotions named.
# Behaviour of audmetric 1.4.2 and scikit-learn 1.8.0, 40 clips of four emotions, six of them answered "calm",
# which the corpus does not have, and all others right (34 of 40):
#   audmetric.unweighted_average_recall                       0.68   calm is a fifth emotion with recall 0
#   the same with labels=the four emotions                    1.00   the six clips are left out, as if right
#   the same with labels=all eight of the model               0.43   four emotions with recall 0
#   sklearn recall_score(average="macro")                     0.68   the same, with a warning
#   sklearn balanced_accuracy_score                           0.85
#   sklearn recall_score(average="macro", labels=the four)    0.85
# So `labels` means "mean over these" for scikit-learn and "drop clips answered otherwise" for audmetric. A
# cross-corpus UAR must say which answers were allowed; here the model is made to choose among shared emotions
# before anything is counted (ser/evaluation/cross_corpus.py), and all these but the third are then the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet audmetric==1.4.2 scikit-learn==1.8.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from audmetric import unweighted_average_recall
from sklearn.metrics import balanced_accuracy_score, recall_score

shared = ["neutral", "happy", "sad", "angry"]
every = [*shared, "calm", "fearful", "disgust", "surprised"]
truth = [emotion for emotion in shared for _ in range(10)]
answers = [emotion if place % 10 > 1 or emotion == "angry" else "calm" for place, emotion in enumerate(truth)]
found = {
    "audmetric": unweighted_average_recall(truth, answers),
    "audmetric, labels=4": unweighted_average_recall(truth, answers, labels=shared),
    "audmetric, labels=8": unweighted_average_recall(truth, answers, labels=every),
    "recall_score": recall_score(truth, answers, average="macro"),
    "balanced_accuracy_score": balanced_accuracy_score(truth, answers),
    "recall_score, labels=4": recall_score(truth, answers, average="macro", labels=shared),
}
for name, uar in found.items():
    print(f"{name:25} {uar:.3f}")
expected = [0.68, 1.0, 0.425, 0.68, 0.85, 0.85]
if [round(uar, 3) for uar in found.values()] != expected:
    raise SystemExit(f"changed: {expected} were seen before")
PYTHON
echo "As described: only the last two are the mean recall of the emotions that the clips have."
