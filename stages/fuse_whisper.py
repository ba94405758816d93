"""Average Whisper's LDAs with the models that were trained from scratch, and score the mean.

whisper_scratch  the LDAs on the layers of both encoders, and the mean of the 2-D network and the LDA on clips
                 in step with their sentence, of which pipelines/aligned tells more

Reads   data/predictions/whisper.parquet, data/aligned/fused.parquet, data/clips.parquet,
        data/splits/{luna5,emobox6}.parquet
Writes  data/predictions/whisper_fused.parquet: once a seed of the network
        metrics/whisper_fused.json: by protocol scores, their intervals, and what is added to Whisper's LDAs

Half the weight is that of both encoders' LDAs, a quarter each that of the network and of the LDA in step. No
weight is fitted.
"""

from typing import Any

import pandas as pd

from ser import scores
from ser.differences import uar_difference
from ser.files import read_table, write_json, write_parquet
from ser.fusion import mean_of
from ser.params import load_params
from stages import command

PROTOCOLS = ("luna5", "emobox6")
PRETRAINED, SCRATCH, MODEL = "encoders_lda", "aligned_fused", "whisper_scratch"
LABELS = ("clip", "emotion", "actor", "gender", "intensity", "statement")
DETAILS = ("n", "seeds", "uar_sd", "per_emotion", "per_gender", "per_actor")


def main() -> None:
    """Average, check, score and print."""
    command.parser(__doc__).parse_args()
    params = load_params()
    bootstrap = {"samples": params.evaluate.bootstrap_samples, "seed": params.evaluate.bootstrap_seed}
    pretrained = scores.read_predictions(["data/predictions/whisper.parquet"]).query("model == @PRETRAINED")
    scratch = scores.read_predictions(["data/aligned/fused.parquet"]).query("model == @SCRATCH")
    clips = read_table("data/clips.parquet", LABELS)
    result: dict[str, Any] = {}
    tables = []
    for protocol in PROTOCOLS:
        single, seeded = (it[it["protocol"] == protocol] for it in (pretrained, scratch))
        fused = mean_of(seeded, single, model=MODEL)
        split = read_table(f"data/splits/{protocol}.parquet", scores.SPLIT)
        scores.check_predictions(fused, {protocol: split})
        predictions = pd.concat([fused, single], ignore_index=True)
        tallies = scores.tally_all(predictions, clips)
        summary = scores.summarize(tallies, **bootstrap)
        details = scores.describe(tallies, predictions, clips)[protocol][MODEL]
        of = tallies[protocol]
        result[protocol] = {
            **summary[protocol][MODEL],
            **{key: details[key] for key in DETAILS},
            "adds": uar_difference(of[MODEL], of[PRETRAINED], **bootstrap),
        }
        tables.append(fused)
        print(scores.format_summary(summary))
    write_parquet("data/predictions/whisper_fused.parquet", pd.concat(tables, ignore_index=True))
    write_json("metrics/whisper_fused.json", result)


if __name__ == "__main__":
    command.run(main)
