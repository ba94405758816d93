"""Figures of the leakage ablation: the steps from top to bottom, inflation by each leak, long training."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ser.evaluation.metrics import CHANCE
from ser.figures.style import SERIES_COLOURS, project_style

Scores = Mapping[str, Any]
"""An entry of metrics/ladder.json or metrics/ladder_long.json; UAR is a proportion."""

STEPS: Mapping[str, str] = MappingProxyType(
    {
        "augment_first": "augmented first,\nthen split at random",
        "split_first": "split at random first\n(faults of the copies kept)",
        "real_copies": "noise and stretch\nreally applied",
        "silence": "silence, not 0 dB,\nas padding",
        "own_validation": "epoch selected on\nvalidation clips",
        "speakers": "unseen test speakers\n(LUNA5)",
        "permuted": "the same, training labels\npermuted",
    }
)
"""What changes at each step."""
LONG_STEPS: Mapping[str, str] = MappingProxyType(
    {
        "augment_first": "augmented first, then split at random",
        "split_first": "split at random first",
        "speakers": "unseen test speakers (LUNA5)",
    }
)
LEAKS: Mapping[str, str] = MappingProxyType(
    {
        "random_split": "random split: test speakers\nare in training",
        "scaling_by_speaker": "scaling by each test\nspeaker's own statistics",
        "chosen_on_test": "epoch or hyper-parameters\nselected on the test clips",
        "scaling_on_all": "scaling on all clips,\ntest clips too",
        "byte_identical_pair": "one pair of duplicate clips",
        "permuted_labels": "permuted labels,\nabove chance level",
    }
)
"""In the order in which they are drawn."""
MODELS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "contour_cnn": ("article's CNN on frame-mean log-mel", "#d55e00", "o"),
        "logmel_cnn": ("2-D CNN on log-mel", "#0072b2", "s"),
        "svm_rbf": ("SVM on functionals", "#009e73", "^"),
        "encoder_lda": ("LDA on speaker encoder", "#cc79a7", "D"),
    }
)
"""Name, colour and marker of each model."""

_BLUE, _ORANGE, _GREY, _DARK = "#0072b2", "#d55e00", "#888888", "#222222"
_STEP_COLOURS = MappingProxyType({"speakers": _BLUE, "permuted": _GREY})
"""Those of random splits are orange."""


def draw_steps(steps: Sequence[Scores]) -> Figure:
    """Draw the UAR of every step with its interval, each seed, and the UAR of the last epoch."""
    with project_style():
        figure = Figure(figsize=(8, 1.6 + 0.56 * len(steps)), layout="constrained")
        axes = figure.subplots()
        axes.plot([100 * step["uar"] for step in steps], range(len(steps)), color="#cccccc", zorder=0)
        for row, step in enumerate(steps):
            colour = _STEP_COLOURS.get(step["recipe"], _ORANGE)
            mean, low, high = (100 * step[name] for name in ("uar", "uar_low", "uar_high"))
            axes.hlines(row, low, high, color=colour, linewidth=3, alpha=0.5)
            seeds = 100 * np.array(step["per_seed"])
            axes.plot(seeds, np.full(len(seeds), row + 0.22), ".", color=colour, markersize=4, alpha=0.7)
            axes.plot(100 * step["last_epoch"], row, "|", color=_DARK, markersize=12, markeredgewidth=1.5)
            axes.plot(mean, row, "o", color=colour, markersize=6)
            _beside(axes, row, f"{mean:.1f}  ({low:.1f} to {high:.1f})")
        axes.axvline(100 * CHANCE, color=_DARK, linestyle="--", linewidth=1, zorder=0)
        axes.annotate("chance level", (100 * CHANCE, -0.45), (4, 0), textcoords="offset points", va="center")
        names = [f"{place}  {STEPS[step['recipe']]}" for place, step in enumerate(steps, start=1)]
        axes.set_yticks(range(len(steps)), names)
        axes.set_ylim(len(steps) - 0.4, -0.7)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_xlim(0, 100)
        axes.set_xlabel(
            "UAR in %, with its 95 % interval (bootstrap over actors)\n"
            "epoch: best on the test clips in steps 1 to 4, selected on validation clips from step 5 on"
        )
        axes.set_title("Article's CNN on frame-mean log-mel, one change a step")
        handles = [
            Line2D([], [], color=_ORANGE, marker="o", linewidth=3),
            Line2D([], [], color=_BLUE, marker="o", linewidth=3),
            Line2D([], [], color=_GREY, marker=".", linestyle=""),
            Line2D([], [], color=_DARK, marker="|", linestyle="", markersize=11, markeredgewidth=1.5),
        ]
        labels = ["random split", "speaker-independent", "each seed", "last epoch"]
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def draw_inflations(inflations: Sequence[Scores]) -> Figure:
    """Draw the inflation of each model's UAR by each leak, with its interval."""
    leaks = [leak for leak in LEAKS if any(it["leak"] == leak for it in inflations)]
    models = [model for model in MODELS if any(it["model"] == model for it in inflations)]
    with project_style():
        figure = Figure(figsize=(8, 1.6 + 0.75 * len(leaks)), layout="constrained")
        axes = figure.subplots()
        for it in inflations:
            _, colour, marker = MODELS[it["model"]]
            place = models.index(it["model"]) - (len(models) - 1) / 2
            row = leaks.index(it["leak"]) + 0.19 * place
            axes.hlines(row, 100 * it["low"], 100 * it["high"], color=colour, linewidth=2, alpha=0.5)
            axes.plot(100 * it["points"], row, marker, color=colour, markersize=5)
            _beside(axes, row, f"{100 * it['points']:+.1f}", color=colour, fontsize=7.5)
        axes.axvline(0, color=_DARK, linewidth=1, zorder=0)
        for row in range(1, len(leaks)):
            axes.axhline(row - 0.5, color="#dddddd", linewidth=0.6, zorder=0)
        axes.set_yticks(range(len(leaks)), [LEAKS[leak] for leak in leaks])
        axes.set_ylim(len(leaks) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_xlabel("percentage points of UAR, with 95 % interval (bootstrap over actors)")
        axes.set_title("Inflation of UAR by each leak")
        names, colours, markers = zip(*(MODELS[model] for model in models), strict=True)
        handles = [
            Line2D([], [], color=colour, marker=marker, linewidth=2, markersize=5)
            for colour, marker in zip(colours, markers, strict=True)
        ]
        figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=8)
    return figure


def draw_epochs(steps: Sequence[Scores]) -> Figure:
    """Draw the UAR of each long step by epoch."""
    with project_style():
        figure = Figure(figsize=(7, 3.8), layout="constrained")
        axes = figure.subplots()
        for step, colour in zip(steps, SERIES_COLOURS, strict=False):
            epochs = np.arange(1, 1 + len(step["by_epoch"]))
            label = f"{100 * step['uar']:.1f}  {LONG_STEPS[step['recipe']]}"
            axes.plot(epochs, 100 * np.array(step["by_epoch"]), color=colour, label=label)
        axes.axhline(100 * CHANCE, color=_DARK, linestyle="--", linewidth=1, label="chance level")
        axes.set_xlim(1, len(steps[0]["by_epoch"]))
        axes.set_ylim(0, 100)
        axes.set_xlabel("epoch")
        axes.set_ylabel("UAR on the test clips in %")
        axes.grid(axis="y")
        axes.set_title("Article's CNN on frame-mean log-mel, trained for longer")
        figure.legend(loc="outside lower center", fontsize=8)
    return figure


def _beside(axes: Axes, row: float, text: str, **look: Any) -> None:
    """Write at the right of a row, outside the axes."""
    axes.annotate(
        text, (1.015, row), xycoords=("axes fraction", "data"), va="center", annotation_clip=False, **look
    )
