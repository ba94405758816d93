"""A saved network is numbers and known layers: what else a file of one may name is refused, and not run."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from ser.errors import InputError
from ser.models.saved_networks import load_network

RAN = "ran"
"""A file that the code in these networks would leave in the current folder."""


@pytest.fixture(autouse=True, scope="module")
def started() -> None:
    deterministic_tensorflow.start(0)


def architecture(first: dict[str, Any]) -> dict[str, Any]:
    """A network whose first layer is this one."""
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    whole: dict[str, Any] = json.loads(model.to_json())
    whole["config"]["layers"].insert(1, first)
    return whole


def python_lambda() -> dict[str, Any]:
    """A layer with Python's bytecode in it, as Keras saves it."""
    layer = keras.layers.Lambda(lambda x: open("ran", "w") and x)  # noqa: PTH123, SIM115
    saved: dict[str, Any] = keras.saving.serialize_keras_object(layer)
    assert saved["config"]["function"]["class_name"] == "__lambda__"
    return saved


HOSTILE: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "bytecode": (python_lambda, "Lambda"),
    "function of another module": (
        lambda: {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {"function": {"class_name": "function", "config": "system", "module": "os"}},
        },
        "Could not locate function 'system'",
    ),
    "class of another module": (
        lambda: {
            "module": "subprocess",
            "class_name": "Popen",
            "config": {"args": ["touch", RAN]},
            "registered_name": None,
        },
        "Could not locate class 'Popen'",
    ),
}


@pytest.mark.parametrize(("layer", "says"), HOSTILE.values(), ids=HOSTILE)
def test_code_in_an_architecture_is_refused(
    layer: Callable[[], dict[str, Any]],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "architecture.json").write_text(json.dumps(architecture(layer())))
    with pytest.raises(InputError, match=rf"(?s){tmp_path}: .*cannot be read.*{says}"):
        load_network(tmp_path, seed=0, fold=0)
    assert not Path(RAN).exists()


def test_the_canary_without_keras_safe_mode_the_bytecode_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    keras.saving.deserialize_keras_object(architecture(python_lambda()), safe_mode=False)
    assert Path(RAN).exists()
