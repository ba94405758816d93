"""Average what the 2-D network and the model on the speaker encoder say of each test clip.

Reads   data/predictions/{cnn_logmel,baselines_transfer}.parquet, and the same of the validation actors
Writes  data/predictions/fused.parquet and fused_validation.parquet: one model a seed of the network

The two weigh the same, so that nothing is fitted or chosen here.
"""

import pandas as pd

from ser.files import write_parquet
from ser.fusion import mean_of
from ser.scores import read_predictions
from stages import command

NETWORK, ENCODER = "cnn_logmel", "baselines_transfer"


def main() -> None:
    """Average the predictions of the test clips, and of the validation clips."""
    command.parser(__doc__).parse_args()
    for side in ("", "_validation"):
        network, encoder = (
            read_predictions([f"data/predictions/{name}{side}.parquet"]) for name in (NETWORK, ENCODER)
        )
        fused: pd.DataFrame = mean_of(network, encoder, model="fused")
        write_parquet(f"data/predictions/fused{side}.parquet", fused)


if __name__ == "__main__":
    command.run(main)
