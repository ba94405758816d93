"""Settings that a trial changes: known keys and valid values alone."""

from pathlib import Path

import pytest

from ser.errors import InputError
from ser.params import load_params
from tools.search_network import changed

SETTINGS = load_params(Path(__file__).parents[2] / "params.yaml").train_cnn.logmel


def test_what_is_set_changes_and_the_rest_stays() -> None:
    trial = changed(SETTINGS, ["epochs=3", "mixup_share=0.0"])
    assert (trial.epochs, trial.mixup_share) == (3, 0.0)
    assert (
        trial.model_copy(update={"epochs": SETTINGS.epochs, "mixup_share": SETTINGS.mixup_share}) == SETTINGS
    )
    assert changed(SETTINGS, []) == SETTINGS


@pytest.mark.parametrize("wrong", ["epoch=3", "epochs=many", "dropout=1.5", "epochs"])
def test_unknown_keys_and_wrong_values_are_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="--set"):
        changed(SETTINGS, [wrong])
