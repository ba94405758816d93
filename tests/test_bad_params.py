"""A fault in any params.yaml that a stage reads stops it before it writes anything."""

import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from params_files import EXPERIMENTS, read_params, write_params
from stage_runs import SCRIPTS

from stages import command

PROJECT = Path(__file__).parents[1]
ARGUMENTS = {
    "stages.augment": "noise",
    "stages.extract": "clean",
    "stages.train_baselines": "luna5",
    "stages.robustness.degrade": "noise",
    "stages.train_cnn": "logmel",
    "experiments.cross_corpus.encode": "nemo",
    "experiments.cross_corpus.encode_copies": "nemo",
    "experiments.cross_corpus.fetch": "nemo",
    "experiments.cross_corpus.ingest": "nemo",
    "experiments.distillation.teach": "luna5",
    "experiments.distillation.train_cnn": "luna5",
    "experiments.distillation.train_lda": "luna5",
    "experiments.dtw.train_cnn": "luna5",
    "experiments.dtw.train_lda": "luna5",
    "experiments.ladder.evaluate": "ladder",
    "experiments.ladder.fit_classical": "classical",
    "experiments.ladder.train_contour": "contour",
    "experiments.protocols.evaluate": "emobox6",
    "experiments.protocols.train_baselines": "emobox6",
    "experiments.protocols.train_cnn": "emobox6",
    "experiments.protocols.train_layers": "emobox6",
}
"""Of the stages that need one."""


def code_of(stage: str) -> str:
    return (PROJECT / f"{stage.replace('.', '/')}.py").read_text(encoding="utf-8")


READERS = [name for name in SCRIPTS if "load_params(" in code_of(name)]


OWN = re.compile(r'load\(\s*"(experiments/\w+)/params\.yaml"')
"""An experiment's settings that a stage reads."""


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


def stopped_by(stage: str, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a stage that must leave nothing; return its message."""
    write_params(params)
    before = sorted(Path().rglob("*"))
    monkeypatch.setattr(sys, "argv", [stage, *ARGUMENTS.get(stage, "").split()])
    with pytest.raises(SystemExit) as stopped:
        command.run(import_module(stage).main)
    assert isinstance(stopped.value.code, str), stopped.value.code
    assert sorted(Path().rglob("*")) == before
    return stopped.value.code


@pytest.mark.parametrize("stage", READERS)
def test_a_fault_in_params_stops_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for spoil, key in FAULTS:
        params = read_params()
        spoil(params)
        message = stopped_by(stage, params, monkeypatch)
        assert message.startswith("error: params.yaml: ")
        assert key in message


def test_a_fault_in_an_experiments_params_stops_each_stage_that_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    readers = [(stage, name) for stage in SCRIPTS for name in OWN.findall(code_of(stage))]
    assert {name for _, name in readers} == set(EXPERIMENTS)
    for stage, name in readers:
        params = read_params()
        params[name]["another"] = 1
        message = stopped_by(stage, params, monkeypatch)
        assert message.startswith(f"error: {name}/params.yaml: ")
        assert "another: unknown key" in message
