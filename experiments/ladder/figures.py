"""Figures of the leakage ablation: the steps from top to bottom, and the inflation of UAR by each leak."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.ladder.recipes import RUNGS
from experiments.ladder.scores import Rung, Worth
from ser.evaluation.metrics import CHANCE
from ser.figures.style import project_style

RUNG_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "augment_first": "augmented first,\nthen split at random",
        "split_first": "split at random first\n(faults of the copies kept)",
        "real_copies": "noise and stretch\nreally applied",
        "silence": "silence, not 0 dB,\nas padding",
        "own_validation": "validation clips of its own\nchoose the epoch",
        "speakers": "test speakers are new\n(LUNA5)",
        "permuted": "the same, training labels\npermuted",
    }
)
"""What changes at each step."""

LEAK_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "random_split": "random split, so that test\nspeakers are known",
        "scaling_by_speaker": "scaling by each test\nspeaker's own statistics",
        "chosen_on_test": "epoch or hyper-parameters\nchosen on the test clips",
        "scaling_on_all": "scaling on all clips,\ntest clips too",
        "byte_identical_pair": "the byte-identical pair",
        "permuted_labels": "permuted labels,\nabove chance",
    }
)
"""In the order in which they are drawn."""

LEAKY_MODELS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "contour_cnn": ("the article's CNN on the contour", "#d55e00", "o"),
        "logmel_cnn": ("2-D CNN on log-mel", "#0072b2", "s"),
        "svm_rbf": ("SVM on functionals", "#009e73", "^"),
        "encoder_lda": ("LDA on a speaker encoder", "#cc79a7", "D"),
    }
)
"""Name, colour and marker of each model."""

_BLUE, _ORANGE, _GREY, _DARK = "#0072b2", "#d55e00", "#888888", "#222222"


def ladder(rungs: Sequence[Rung]) -> Figure:
    """Draw the UAR of every step with its interval, each seed, and the score of the last epoch."""
    with project_style():
        figure = Figure(figsize=(8, 1.6 + 0.56 * len(rungs)), layout="constrained")
        axes = figure.subplots()
        axes.plot([100 * rung.uar for rung in rungs], range(len(rungs)), color="#cccccc", zorder=0)
        for row, rung in enumerate(rungs):
            recipe = RUNGS[rung.recipe]
            colour = _GREY if recipe.permuted else _BLUE if recipe.divided == "actors" else _ORANGE
            mean, low, high = 100 * rung.uar, 100 * rung.uar_low, 100 * rung.uar_high
            axes.hlines(row, low, high, color=colour, linewidth=3, alpha=0.5)
            seeds = 100 * np.array(rung.per_seed)
            axes.plot(seeds, np.full(len(seeds), row + 0.22), ".", color=colour, markersize=4, alpha=0.7)
            axes.plot(100 * rung.last_epoch, row, "|", color=_DARK, markersize=12, markeredgewidth=1.5)
            axes.plot(mean, row, "o", color=colour, markersize=6)
            _beside(axes, row, f"{mean:.1f}  ({low:.1f} to {high:.1f})")
        axes.axvline(100 * CHANCE, color=_DARK, linestyle="--", linewidth=1, zorder=0)
        axes.annotate("chance", (100 * CHANCE, -0.45), (4, 0), textcoords="offset points", va="center")
        names = [f"{place}  {RUNG_NAMES[rung.recipe]}" for place, rung in enumerate(rungs, start=1)]
        axes.set_yticks(range(len(rungs)), names)
        axes.set_ylim(len(rungs) - 0.4, -0.7)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_xlim(0, 100)
        axes.set_xlabel(
            "UAR in %, with its 95 % interval (bootstrap over actors)\n"
            "epoch: on rungs 1 to 4 the best on the test clips, from 5 on chosen by validation clips"
        )
        axes.set_title("One network, one change a rung: the article's CNN on the contour")
        handles = [
            Line2D([], [], color=_ORANGE, marker="o", linewidth=3),
            Line2D([], [], color=_BLUE, marker="o", linewidth=3),
            Line2D([], [], color=_GREY, marker=".", linestyle=""),
            Line2D([], [], color=_DARK, marker="|", linestyle="", markersize=11, markeredgewidth=1.5),
        ]
        labels = ["random split", "speaker-independent", "each seed", "last epoch"]
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def worth_of_leaks(worths: Sequence[Worth]) -> Figure:
    """Draw what each leak adds to the UAR of each model, with its interval."""
    leaks = [leak for leak in LEAK_NAMES if any(worth.leak == leak for worth in worths)]
    models = [model for model in LEAKY_MODELS if any(worth.model == model for worth in worths)]
    with project_style():
        figure = Figure(figsize=(8, 1.6 + 0.75 * len(leaks)), layout="constrained")
        axes = figure.subplots()
        for worth in worths:
            _, colour, marker = LEAKY_MODELS[worth.model]
            place = models.index(worth.model) - (len(models) - 1) / 2
            row = leaks.index(worth.leak) + 0.19 * place
            axes.hlines(row, 100 * worth.low, 100 * worth.high, color=colour, linewidth=2, alpha=0.5)
            axes.plot(100 * worth.points, row, marker, color=colour, markersize=5)
            _beside(axes, row, f"{100 * worth.points:+.1f}", color=colour, fontsize=7.5)
        axes.axvline(0, color=_DARK, linewidth=1, zorder=0)
        for row in range(1, len(leaks)):
            axes.axhline(row - 0.5, color="#dddddd", linewidth=0.6, zorder=0)
        axes.set_yticks(range(len(leaks)), [LEAK_NAMES[leak] for leak in leaks])
        axes.set_ylim(len(leaks) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_xlabel("points of UAR, with 95 % interval (bootstrap over actors)")
        axes.set_title("What each leak adds")
        handles = [
            Line2D([], [], color=colour, marker=marker, linewidth=2, markersize=5)
            for _, colour, marker in (LEAKY_MODELS[model] for model in models)
        ]
        names = [LEAKY_MODELS[model][0] for model in models]
        figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=8)
    return figure


def _beside(axes: Axes, row: float, text: str, **look: Any) -> None:
    """Write at the right of a row, outside the axes."""
    axes.annotate(
        text, (1.015, row), xycoords=("axes fraction", "data"), va="center", annotation_clip=False, **look
    )
