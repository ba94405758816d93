"""Train the model that is exported, layers_lda, on all 24 actors: nobody is left to test it on.

Reads   data/clips.parquet, data/features/{clean,corrupted}/layers.npy
Writes  models/final/ravdess.npz: the classifier of each layer, and the layers' weights
        metrics/search/final.csv: every shrinkage of every layer with its inner UAR, and the weights

It is trained on the recordings and on all their corrupted copies. Shrinkages and weights are selected on
inner folds of all actors, as in each fold of LUNA5 on those of its training actors: the scores there are of
models trained in the same way, on unseen speakers.
"""

from dataclasses import asdict

from ser.data.fold import Fold
from ser.export.summary import MODEL
from ser.files import read_table, replacing, write_arrays, write_csv
from ser.models.layers.lda import LayerLdas
from ser.params import load_params
from ser.recognizer.blas_threads import BLAS
from stages import command
from stages.layers.inputs import read_layers


def main() -> None:
    """Select and fit, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor"))
    widths, features = read_layers([*params.encode_layers.copies])
    everyone = Fold(0, train=clips, validation=clips[:0], test=clips[:0], copies=features)

    # With more threads the last digits would be those of the number of cores.
    with BLAS.held():
        fitted = LayerLdas(MODEL, widths, params.train_layers).fit(everyone)
    with replacing("models/final") as folder:
        write_arrays(folder / "ravdess.npz", **asdict(fitted.linear))
        write_csv("metrics/search/final.csv", fitted.log.assign(model=MODEL)[["model", *fitted.log.columns]])


if __name__ == "__main__":
    command.run(main)
