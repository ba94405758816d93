"""The main params.yaml and those of experiments as one mapping, for tests that change some values of them."""

from pathlib import Path
from typing import Any

import yaml

from experiments.cross_corpus.params import CrossCorpusParams
from experiments.distillation.params import DistillationParams
from experiments.dtw.params import DtwParams
from experiments.ladder.params import LadderParams
from experiments.protocols.params import ProtocolsParams
from experiments.recognizer.params import RecognizerParams
from experiments.speaker_adaptation.params import AdaptationParams
from experiments.whisper.params import WhisperParams
from ser.params import Params, Section

PROJECT = Path(__file__).parents[1]
SCHEMAS: dict[str, type[Section]] = {
    "": Params,
    "experiments/cross_corpus": CrossCorpusParams,
    "experiments/distillation": DistillationParams,
    "experiments/dtw": DtwParams,
    "experiments/ladder": LadderParams,
    "experiments/protocols": ProtocolsParams,
    "experiments/recognizer": RecognizerParams,
    "experiments/speaker_adaptation": AdaptationParams,
    "experiments/whisper": WhisperParams,
}
"""Of every params.yaml, by its folder."""
EXPERIMENTS = [name for name in SCHEMAS if name]


def read_params(project: Path = PROJECT) -> dict[str, Any]:
    """Read the main sections, and below its folder's name (``experiments/NAME``) what each experiment has."""
    params: dict[str, Any] = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    for name in EXPERIMENTS:
        params[name] = yaml.safe_load((project / name / "params.yaml").read_text(encoding="utf-8"))
    return params


def write_params(params: dict[str, Any], project: Path | None = None) -> None:
    """Write what `read_params` reads, each part to its own file; by default in the current folder."""
    main = {name: section for name, section in params.items() if name not in EXPERIMENTS}
    for folder, content in {"": main, **{name: params[name] for name in EXPERIMENTS}}.items():
        path = (project or Path()) / folder / "params.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
