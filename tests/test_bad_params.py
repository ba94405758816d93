"""A params.yaml with a fault stops every stage that reads it, before it writes anything."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import command

PROJECT = Path(__file__).parents[1]
PARAMS: dict[str, Any] = yaml.safe_load((PROJECT / "params.yaml").read_text())
ARGUMENTS = {
    "augment": "noise",
    "degrade": "white",
    "extract": "clean",
    "train_baselines": "luna5",
    "train_cnn": "logmel",
    "train_protocol_baselines": "emobox6",
    "train_aligned": "luna5",
    "train_aligned_cnn": "luna5",
    "train_taught_lda": "luna5",
    "train_taught_cnn": "luna5",
    "teach": "luna5",
    "train_protocol_cnn": "emobox6",
    "evaluate_protocol": "emobox6",
}
"""Of the stages that need one."""
READERS = sorted(
    path.stem
    for path in (PROJECT / "stages").glob("*.py")
    if "load_params(" in path.read_text("utf-8") and path.stem != "command"
)


def missing(params: dict[str, Any]) -> None:
    del params["workers"]["jobs"]


def unknown(params: dict[str, Any]) -> None:
    params["train_cnn"]["logmel"]["epoch"] = 3


def out_of_range(params: dict[str, Any]) -> None:
    params["evaluate"]["bootstrap_samples"] = 0


def of_another_type(params: dict[str, Any]) -> None:
    params["extract"]["logmel"]["n_mels"] = "64"


FAULTS = [
    (missing, "workers.jobs"),
    (unknown, "train_cnn.logmel.epoch"),
    (out_of_range, "evaluate.bootstrap_samples"),
    (of_another_type, "extract.logmel.n_mels"),
]


@pytest.mark.parametrize("stage", READERS)
def test_a_fault_in_params_stops_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    main = import_module(f"stages.{stage}").main
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [stage, *ARGUMENTS.get(stage, "").split()])
    for spoil, key in FAULTS:
        params = yaml.safe_load(yaml.safe_dump(PARAMS))
        spoil(params)
        Path("params.yaml").write_text(yaml.safe_dump(params))
        with pytest.raises(SystemExit) as stopped:
            command.run(main)
        assert isinstance(stopped.value.code, str), stopped.value.code
        assert stopped.value.code.startswith("error: params.yaml: ")
        assert key in stopped.value.code
        assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
