#!/usr/bin/env bash
# `dvc metrics diff` prints its rows in an order that changes from run to run.
#
# Guess, written down before: rows are sorted by path, as those of `dvc metrics show` are.
# Behaviour of DVC 3.67.1, Python 3.11: the rows come in the order of a set of paths, so that Python's
# random hash seed decides. With a fixed PYTHONHASHSEED the order still changes with the folder where the
# repository lies, for the hashed paths are absolute. The table of a pull request (`--md`) and a log that is
# compared with the last one differ without any difference in the metrics. `dvc metrics show` is sorted.
# Seen, seven files, seeds 0, 1, 2:
#   a b f d e c g
#   f b c a d e g
#   b e g d f c a
# (which orders they are depends on the temporary folder's name). Who compares the output sorts it first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dvc==3.67.1
dvc="$folder/venv/bin/dvc"
mkdir -p "$folder/project/metrics"
cd "$folder/project"
git init --quiet
"$dvc" init --quiet
names="a b c d e f g"
echo "metrics:" >dvc.yaml
for name in $names; do
    echo "  - metrics/$name.json" >>dvc.yaml
    echo '{"uar": 0.5}' >"metrics/$name.json"
done
git add --all
git -c user.name=reader -c user.email=reader@example.org commit --quiet --message before
for name in $names; do echo '{"uar": 0.6}' >"metrics/$name.json"; done

rows() { "$dvc" metrics "$1" | sed -n 's|^metrics/\(.\)\.json.*|\1|p' | tr '\n' ' '; }
"$dvc" --version
: >"$folder/orders"
for seed in 0 1 2 3; do
    PYTHONHASHSEED=$seed rows diff | tee -a "$folder/orders"
    echo | tee -a "$folder/orders"
done
shown=$(PYTHONHASHSEED=1 rows show)
[ "$(echo $shown)" = "$names" ] || { echo "changed: metrics show is not sorted: $shown"; exit 1; }
[ "$(sort -u "$folder/orders" | wc -l)" -gt 1 ] || { echo "changed: metrics diff has one order"; exit 1; }
echo "As described: the order of metrics diff depends on the hash seed, metrics show is sorted."
