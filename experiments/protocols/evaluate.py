"""Score the final models under another protocol than the main pipeline's.

Reads   data/protocols/PROTOCOL/{baselines,cnn}.parquet, data/splits/PROTOCOL.parquet, data/clips.parquet
Writes  metrics/protocols/PROTOCOL.json: by model, the best first, its UAR with the 95 % interval (bootstrap
        over actors), accuracy and macro-F1, means over its seeds; the number of test clips, the seeds, and
        the UAR's standard deviation over them, null for a single one

fused_scratch and fused_transfer are late fusion: the arithmetic mean of the CNN's probabilities and those of
each LDA, as in fuse. First the predictions are checked against the split: each model and seed must predict
each test clip once.
"""

import pandas as pd

from experiments.protocols.params import ProtocolsParams
from ser.data.predictions import SPLIT, check_predictions, read_predictions
from ser.evaluation import scores
from ser.evaluation.fusion import mean_of
from ser.files import read_table, write_json
from ser.params import load_params
from stages import command

LABELS = ("clip", "emotion", "actor", "gender", "intensity", "statement")
PARTNERS = {"fused_scratch": "lda_augmented", "fused_transfer": "encoder_lda_augmented"}
"""The LDA with which the network is averaged."""


def main() -> None:
    """Fuse, check, score and print."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=list(ProtocolsParams.model_fields), help="which one to score")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    clips = read_table("data/clips.parquet", LABELS)
    split = read_table(f"data/splits/{protocol}.parquet", SPLIT)
    ldas = read_predictions([f"data/protocols/{protocol}/baselines.parquet"])
    network = read_predictions([f"data/protocols/{protocol}/cnn.parquet"])
    fused = [mean_of(network, ldas[ldas["model"] == lda], model=name) for name, lda in PARTNERS.items()]
    predictions = pd.concat([ldas, network, *fused], ignore_index=True)
    check_predictions(predictions, {protocol: split})

    tallies = scores.tally_all(predictions, clips)
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    summary = scores.summarize(tallies, samples=samples, seed=seed)
    details = scores.describe(tallies, predictions, clips)[protocol]
    write_json(
        f"metrics/protocols/{protocol}.json",
        {
            model: headline | {key: details[model][key] for key in ("n", "seeds", "uar_sd")}
            for model, headline in summary[protocol].items()
        },
    )
    print(scores.format_summary(summary))


if __name__ == "__main__":
    command.run(main)
