"""Score the ensemble on the encoder's layers under EMOBOX6 and LOSO.

Reads   data/protocols/{emobox6,loso}/layers.parquet, data/splits/{emobox6,loso}.parquet, data/clips.parquet
Writes  metrics/protocols/layers.json: by protocol and model, the best first, what evaluate_protocol writes by
        model: UAR with its 95 % interval (bootstrap over actors), accuracy and macro-F1; the number of test
        clips, the seeds, and the UAR's standard deviation over them, null for a single one

First the predictions are checked against the splits: each model must predict each test clip once.
"""

from experiments.protocols.babble import PROTOCOLS
from ser.data.predictions import SPLIT, check_predictions, read_predictions
from ser.evaluation import scores
from ser.files import read_table, write_json
from ser.params import load_params
from stages import command

LABELS = ("clip", "emotion", "actor", "gender", "intensity", "statement")


def main() -> None:
    """Check, score and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips = read_table("data/clips.parquet", LABELS)
    predictions = read_predictions([f"data/protocols/{it}/layers.parquet" for it in PROTOCOLS])
    check_predictions(predictions, {it: read_table(f"data/splits/{it}.parquet", SPLIT) for it in PROTOCOLS})

    tallies = scores.tally_all(predictions, clips)
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    summary = scores.summarize(tallies, samples=samples, seed=seed)
    details = scores.describe(tallies, predictions, clips)
    write_json(
        "metrics/protocols/layers.json",
        {
            protocol: {
                model: headline | {key: details[protocol][model][key] for key in ("n", "seeds", "uar_sd")}
                for model, headline in models.items()
            }
            for protocol, models in summary.items()
        },
    )
    print(scores.format_summary(summary))


if __name__ == "__main__":
    command.run(main)
