"""Train the model that is exported, fused_transfer, on all 24 actors: nobody is left to test it on.

Reads   data/clips.parquet, data/features/{clean,resampled}/{logmel,encoder}.npy
Writes  models/final: the 2-D CNN's architecture and weights, its scaler, and the fitted LDA
        metrics/search/final.csv: the inner UAR of each layer and shrinkage of the LDA

The CNN has the settings of train_cnn.logmel, the LDA those selected on inner folds of all actors, as in each
fold of LUNA5: the scores there are of models trained in the same way, on unseen speakers. A killed training
goes on from its last epoch when the stage runs again.
"""

from pathlib import Path

from experiments.recognizer.params import RecognizerParams
from ser.export.final_model import LDA, everyone, fit_lda
from ser.export.final_parts import write_parts
from ser.files import read_table, remove, replacing, write_csv
from ser.models.network_inputs import INPUTS
from ser.params import load, load_params
from ser.recognizer.blas_threads import BLAS
from stages import command
from stages.inputs import read_features


def main() -> None:
    """Fit the LDA, then train the network."""
    command.parser(__doc__).parse_args()
    params = load_params()
    recognizer = load("experiments/recognizer/params.yaml", RecognizerParams)
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor"))
    copies = list(INPUTS["logmel"].copies)
    states, logmels = read_features("encoder", copies), read_features("logmel", copies)
    checkpoints = Path("data/checkpoints/final")

    with replacing("models/final") as folder:
        folder.mkdir()
        # With more threads the last digits would be those of the number of cores.
        with BLAS.held():
            lda, trials = fit_lda(everyone(clips, states), grids=params.train_baselines.transfer)
        # Only here is TensorFlow loaded.
        from ser.export.final_network import train_network

        scaler = train_network(
            everyone(clips, logmels),
            settings=params.train_cnn.logmel,
            seed=recognizer.seed,
            folder=folder,
            checkpoint=checkpoints / "network.npz",
        )
        write_parts(folder, scaler, lda)
        write_csv("metrics/search/final.csv", trials.assign(model=LDA)[["model", *trials.columns]])
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
