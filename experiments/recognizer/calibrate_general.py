"""Fit the temperature of the general model on predictions for left-out speakers of its training corpora.

Reads   data/cross_corpus/predictions.parquet
Writes  metrics/general_calibration.json   the temperature; ECE, NLL, Brier score and AURC of each corpus with
                                           none and with that of the other corpora

The temperature is the geometric mean of the corpora's own, so that the larger one does not decide alone. Its
effect is measured on each corpus by the temperature of the others. All eight emotions are answers, also on a
corpus that lacks some. No test corpus is read.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from ser.data.fold import emotion_index
from ser.data.predictions import PROBABILITIES
from ser.errors import InputError
from ser.evaluation.calibration import Labels, Values, fit_temperature, quality, scale
from ser.files import read_table, write_json
from ser.params import load_params
from stages import command

PREDICTIONS = "data/cross_corpus/predictions.parquet"
CHOSEN, LEFT_OUT = "chosen", "speakers"


def left_out_speakers(predictions: pd.DataFrame) -> dict[str, tuple[Values, Labels]]:
    """Give the chosen model's probabilities [shape=(n, 8)] and the labels of recordings, by training corpus.

    Raises
    ------
    InputError
        Where there are fewer than two corpora.
    """
    of_model = (predictions["model"] == CHOSEN) & (predictions["held_out"] == LEFT_OUT)
    recordings = predictions[of_model & (predictions["copy"] == "")]
    by_corpus = {
        str(corpus): (rows[list(PROBABILITIES)].to_numpy(), emotion_index(rows))
        for corpus, rows in recordings.groupby("corpus")
    }
    if len(by_corpus) < 2:
        raise InputError(f"{PREDICTIONS}: lacks left-out speakers of two corpora; run score_corpora")
    return by_corpus


def measure(by_corpus: Mapping[str, tuple[Values, Labels]], *, bins: int) -> dict[str, Any]:
    """Fit the temperature, and measure on each corpus that of the others.

    Parameters
    ----------
    by_corpus
        Probabilities and labels of each corpus, at least two.
    bins
        Number of equally wide bins of confidence for the ECE.

    Returns
    -------
    dict
        Ready for JSON: ``temperature``; ``by_corpus``, each with ``n``, ``temperature_of_others``, ``before``
        and ``after``.
    """
    logs = {corpus: float(np.log(fit_temperature(*of))) for corpus, of in by_corpus.items()}
    found = {}
    for corpus, (probabilities, y) in by_corpus.items():
        others = float(np.exp(np.mean([log for name, log in logs.items() if name != corpus])))
        before, after = (quality(it, y, bins=bins) for it in (probabilities, scale(probabilities, others)))
        found[corpus] = {
            "n": len(y),
            "temperature_of_others": round(others, 4),
            "before": {name: round(value, 4) for name, value in asdict(before).items()},
            "after": {name: round(value, 4) for name, value in asdict(after).items()},
        }
    return {"temperature": round(float(np.exp(np.mean([*logs.values()]))), 6), "by_corpus": found}


def main() -> None:
    """Fit and measure, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    columns = ("held_out", "model", "corpus", "copy", "emotion", *PROBABILITIES)
    by_corpus = left_out_speakers(read_table(PREDICTIONS, columns))
    found = measure(by_corpus, bins=params.calibrate.bins)
    write_json("metrics/general_calibration.json", found)
    print(f"temperature {found['temperature']:.2f}")
    for corpus, of in found["by_corpus"].items():
        ece = 100 * of["before"]["ece"], 100 * of["after"]["ece"]
        print(f"{corpus}: ECE {ece[0]:.1f} % before, {ece[1]:.1f} % after that of the others")


if __name__ == "__main__":
    command.run(main)
