"""Fit the temperature of the exported model on predictions for unseen speakers, of models trained like it.

Reads   data/predictions/layers.parquet, data/splits/luna5.parquet, data/clips.parquet
Writes  metrics/final_calibration.json   the temperature; ECE, NLL, Brier score and AURC with and without one;
                                         how often the model abstains ("not sure"), and the accuracy of the
                                         other answers

The temperature is that of all folds of LUNA5 together. Its effect is measured on each fold by the
temperature of the other folds alone. RAVDESS cannot test the exported model, which was trained on all of its
actors, so that this uses up no test set; nor does a temperature change which emotion is predicted.
"""

from experiments.recognizer.params import RecognizerParams
from ser.data.predictions import SPLIT, check_predictions, read_predictions
from ser.errors import InputError
from ser.export.summary import MODEL
from ser.export.temperature import pooled_temperature, worth
from ser.files import read_table, write_json
from ser.params import load, load_params
from stages import command

PREDICTIONS = "data/predictions/layers.parquet"


def main() -> None:
    """Check, fit and measure, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    recognizer = load("experiments/recognizer/params.yaml", RecognizerParams)
    clips = read_table("data/clips.parquet", ("clip", "emotion"))
    split = read_table("data/splits/luna5.parquet", SPLIT)
    predictions = read_predictions([PREDICTIONS])
    tested = predictions[predictions["model"] == MODEL]
    if tested.empty:
        raise InputError(f"{PREDICTIONS}: has no {MODEL}; run the stage train_layers")
    check_predictions(tested, {"luna5": split})

    temperature = pooled_temperature(tested, clips)
    below = recognizer.uncertain_below
    measured = worth(tested, clips, bins=params.calibrate.bins, uncertain_below=below)
    left_out = measured.pop("temperature")
    found = {"model": MODEL, "temperature": temperature, "temperature_of_other_folds": left_out, **measured}
    write_json("metrics/final_calibration.json", found)
    print(
        f"temperature {temperature:.2f}; ECE {100 * measured['before']['ece']:.1f} % before, "
        f"{100 * measured['after']['ece']:.1f} % after that of the other folds"
    )


if __name__ == "__main__":
    command.run(main)
