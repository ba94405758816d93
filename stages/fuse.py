"""Late fusion: average the probabilities of the 2-D CNN and of an LDA for each clip.

fused_scratch   with the LDA on functionals: from scratch, trained on nothing but RAVDESS
fused_transfer  with the LDA on the hidden states of the pretrained speaker encoder

Reads   data/predictions/{cnn_logmel,baselines_luna5,baselines_transfer}.parquet, and the same of the
        validation actors
Writes  data/predictions/fused.parquet and fused_validation.parquet: each model once a seed of the network

The two weigh the same, so that nothing is fitted or selected here.
"""

import pandas as pd

from ser.data.predictions import read_predictions
from ser.evaluation.fusion import mean_of
from ser.files import write_parquet
from stages import command

PARTNERS = {
    "fused_scratch": ("baselines_luna5", "lda_augmented"),
    "fused_transfer": ("baselines_transfer", "encoder_lda_augmented"),
}


def main() -> None:
    """Average the predictions of the test clips, and of the validation clips."""
    command.parser(__doc__).parse_args()
    for side in ("", "_validation"):
        network = read_predictions([f"data/predictions/cnn_logmel{side}.parquet"])
        fused = []
        for model, (name, partner) in PARTNERS.items():
            single = read_predictions([f"data/predictions/{name}{side}.parquet"])
            fused.append(mean_of(network, single[single["model"] == partner], model=model))
        write_parquet(f"data/predictions/fused{side}.parquet", pd.concat(fused, ignore_index=True))


if __name__ == "__main__":
    command.run(main)
