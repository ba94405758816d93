"""Score the exported models on corpora that took no part in their training.

Reads   models/final/ravdess.npz, models/cross_corpus; data/cross_corpus/emodb/{clips.parquet,layers.npy}, and
        nEMO's likewise
Writes  metrics/unseen_corpora.json   UAR over the emotions that a corpus shares with RAVDESS, by model and
                                      corpus, with an interval over speakers

The general model was trained on nEMO, and is scored on EMO-DB alone. Nothing is chosen here.
"""

from pathlib import Path
from typing import Any

from experiments.cross_corpus.inputs import read_corpus
from experiments.cross_corpus.protocol import predict
from experiments.cross_corpus.scores import score
from ser.files import write_json
from ser.params import load_params
from ser.recognizer.blas_threads import BLAS
from ser.recognizer.bundle_format import GENERAL, RAVDESS, read_arrays
from stages import command

UNSEEN = {GENERAL: ("emodb",), RAVDESS: ("emodb", "nemo")}
"""By model, the corpora that are scored."""


def main() -> None:
    """Apply both models, then write."""
    command.parser(__doc__).parse_args()
    evaluate = load_params().evaluate
    how = {"samples": evaluate.bootstrap_samples, "seed": evaluate.bootstrap_seed}
    models = {
        GENERAL: read_arrays(Path("models/cross_corpus/chosen_fold0.npz")),
        RAVDESS: read_arrays(Path("models/final/ravdess.npz")),
    }
    found: dict[str, Any] = {}
    # With more threads the last digits would depend on their number.
    with BLAS.held():
        for name, linear in models.items():
            found[name] = {
                corpus: score(predict(linear, read_corpus(corpus)), **how) for corpus in UNSEEN[name]
            }
    write_json("metrics/unseen_corpora.json", found)
    for name, by_corpus in found.items():
        for corpus, it in by_corpus.items():
            interval = f"{100 * it['uar_low']:.1f} to {100 * it['uar_high']:.1f}"
            print(f"{name:8} {corpus:6} UAR {100 * it['uar']:.1f} ({interval})")


if __name__ == "__main__":
    command.run(main)
