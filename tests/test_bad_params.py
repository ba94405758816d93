"""A params.yaml with a fault stops every stage that reads it, before it writes anything."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from stage_runs import SCRIPTS

from stages import command

PROJECT = Path(__file__).parents[1]
PARAMS: dict[str, Any] = yaml.safe_load((PROJECT / "params.yaml").read_text())
ARGUMENTS = {
    "stages.augment": "noise",
    "stages.extract": "clean",
    "stages.train_baselines": "luna5",
    "stages.train_cnn": "logmel",
    "experiments.distillation.teach": "luna5",
    "experiments.distillation.train_cnn": "luna5",
    "experiments.distillation.train_lda": "luna5",
    "experiments.dtw.train_cnn": "luna5",
    "experiments.dtw.train_lda": "luna5",
    "experiments.protocols.evaluate": "emobox6",
    "experiments.protocols.train_baselines": "emobox6",
    "experiments.protocols.train_cnn": "emobox6",
    "experiments.robustness.degrade": "white",
}
"""Of the stages that need one."""
READERS = [
    name
    for name in SCRIPTS
    if "load_params(" in (PROJECT / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
]


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
    main = import_module(stage).main
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
