"""Score the model on a Hugging Face encoder; optional, and no part of `dvc repro`.

Reads   data/predictions/baselines_huggingface.parquet, data/splits/luna5.parquet, data/clips.parquet
Writes  metrics/huggingface.json: UAR with its interval, accuracy and macro-F1, as in metrics/luna5

As in the stage evaluate, the predictions are first held to the split, and the 95 % interval of the UAR is a
percentile bootstrap over actors.
"""

from ser.evaluation import scores
from ser.files import read_table, write_json
from ser.params import load_params
from stages import command


def main() -> None:
    """Check and score, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()

    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))
    split = read_table("data/splits/luna5.parquet", scores.SPLIT)
    predictions = scores.read_predictions(["data/predictions/baselines_huggingface.parquet"])
    scores.check_predictions(predictions, {"luna5": split})

    summary = scores.summarize(
        scores.tally_all(predictions, clips),
        samples=params.evaluate.bootstrap_samples,
        seed=params.evaluate.bootstrap_seed,
    )
    write_json("metrics/huggingface.json", summary["luna5"]["huggingface_lda"])
    print(scores.format_summary(summary))


if __name__ == "__main__":
    command.run(main)
