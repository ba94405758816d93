"""The table of every model by protocol, and of every result file that it draws on."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.result_tables.cells import PROTOCOLS, Scores, markdown, read, with_interval
from tools.result_tables.experiments import distillation, dtw, whisper
from tools.result_tables.models import short_name
from tools.result_tables.protocols import read_protocols

PRETRAINED = re.compile("encoder|layers|fused_transfer")
"""In the name of a model on a pretrained encoder."""
_ARTICLE_MODELS = ("cnn_augmented", "cnn", "decision_tree", "dummy")


def all_models(metrics: Path) -> str:
    """Tabulate UAR with its interval: from scratch, distilled, with pretrained encoders, the article's."""
    main = _main_models(metrics)
    aligned, taught = read(metrics / "aligned.json"), read(metrics / "taught.json")
    # The hard-label LDA is that of the DTW experiment, which did not run it under the random split.
    aligned["article"] = {"aligned_lda": taught["article"]["aligned_lda"]}
    students = [model for model in distillation.MODELS if model.startswith("taught")]
    baselines = [model for model in distillation.MODELS if model in ("logmel_cnn", "untaught_fused")]
    scratch = [model for model in main if not PRETRAINED.search(model)]
    pretrained = [model for model in main if model not in scratch]
    groups: Mapping[str, list[list[str]]] = {
        "from scratch": [
            *([short_name(model), *_cells(main[model])] for model in scratch),
            *_rows(aligned, {model: f"{name} ¹" for model, name in dtw.MODELS.items()}),
            *_rows(taught, {model: f"{distillation.MODELS[model]} ²" for model in baselines}),
        ],
        "distilled": _rows(taught, {model: f"{distillation.MODELS[model]} ²" for model in students}),
        "pretrained encoder": [
            *([short_name(model), *_cells(main[model])] for model in pretrained),
            *_rows(read(metrics / "whisper.json"), whisper.MODELS),
        ],
        "the article's": [
            [short_name(model), "", "", "", with_interval(read(metrics / "article" / f"{model}.json"))]
            for model in _ARTICLE_MODELS
        ],
    }
    rows = [[group, *row] for group, of in groups.items() for row in of]
    return markdown(["trained", "model, UAR in % (95 % interval)", *PROTOCOLS.values()], rows)


def _main_models(metrics: Path) -> dict[str, dict[str, Scores]]:
    """Read the main pipeline's models: scores by model and protocol, in the order of LUNA5."""
    found = {"luna5": read(metrics / "summary.json")["luna5"], **read_protocols(metrics)}
    return {
        model: {protocol: of[model] for protocol, of in found.items() if model in of}
        for model in found["luna5"]
    }


def _rows(found: Mapping[str, Any], names: Mapping[str, str]) -> list[list[str]]:
    return [
        [
            name,
            *_cells(
                {
                    protocol: found[protocol][model]
                    for protocol in PROTOCOLS
                    if model in found.get(protocol, {})
                }
            ),
        ]
        for model, name in names.items()
    ]


def _cells(by_protocol: Mapping[str, Scores]) -> list[str]:
    return [with_interval(by_protocol.get(protocol)) for protocol in PROTOCOLS]
