"""Figures of calibration: reliability diagrams, and accuracy by coverage."""

import math
import textwrap
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ser.evaluation.model_names import model_title
from ser.figures.style import SERIES_COLOURS, project_style

_BEFORE, _AFTER, _DARK = "#d55e00", "#0072b2", "#222222"
_DASHES = ("-", "--", "-.", ":")
_FEWEST_DRAWN = 10
"""Bins of fewer clips are left out of the diagram: their accuracy could be anything."""


def reliability(table: pd.DataFrame, described: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw accuracy by confidence before and after temperature scaling, a panel a model.

    Parameters
    ----------
    table
        A row a bin of each model, seeds pooled, with the columns `ser.evaluation.calibration.RELIABILITY`.
    described
        By model, in the order to draw, the result of `ser.evaluation.calibration.describe`.
    """
    n_columns = math.ceil(math.sqrt(len(described)))
    n_rows = -(-len(described) // n_columns)
    with project_style():
        figure = Figure(figsize=(max(5.5, 0.3 + 3.0 * n_columns), 0.7 + 3.3 * n_rows), layout="constrained")
        panels = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
        for axes, (model, about) in zip(panels, described.items(), strict=False):
            axes.plot([0, 100], [0, 100], "--", color=_DARK, linewidth=1)
            for scaled, colour, marker in (("before", _BEFORE, "s"), ("after", _AFTER, "o")):
                bins = table[(table["model"] == model) & (table["scaled"] == scaled)]
                clips_in_all = bins["clips"].sum()
                bins = bins[bins["clips"] >= _FEWEST_DRAWN]
                confidence, accuracy = 100 * bins["confidence"], 100 * bins["accuracy"]
                axes.plot(confidence, accuracy, color=colour, linewidth=1, alpha=0.7)
                # The area shows the number of clips: a bin with three says little.
                area = 4 + 260 * bins["clips"] / clips_in_all
                axes.scatter(confidence, accuracy, s=area, color=colour, marker=marker, alpha=0.85)
            words = "\n".join(
                f"ECE {100 * about[scaled]['ece']:.1f} % {scaled}" for scaled in ("before", "after")
            )
            white = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            axes.text(0.04, 0.96, words, transform=axes.transAxes, va="top", fontsize=8, bbox=white)
            # A long name in one line would run into the next panel.
            axes.set_title(textwrap.fill(model_title(model), 26))
            axes.set_aspect("equal")
            axes.set_xlim(0, 102)
            axes.set_ylim(0, 102)
            axes.set_xticks(range(0, 101, 25))
            axes.set_yticks(range(0, 101, 25))
            axes.tick_params(labelbottom=True)
            axes.grid()
        for axes in panels[len(described) :]:
            axes.set_visible(False)
        figure.supxlabel("confidence in %, mean of a bin")
        figure.supylabel("accuracy in %")
        handles = [
            Line2D([], [], color=_BEFORE, marker="s", linewidth=1),
            Line2D([], [], color=_AFTER, marker="o", linewidth=1),
            Line2D([], [], color=_DARK, linestyle="--", linewidth=1),
        ]
        labels = ["before temperature scaling", "after", "perfectly calibrated"]
        figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=8)
    return figure


def risk_coverage(curves: pd.DataFrame, described: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw the accuracy on the clips that are kept when a model abstains where it is least confident.

    Parameters
    ----------
    curves
        ``coverage``, and a column of accuracies for each model; all from 0 to 1.
    described
        By model, in the order to draw, the result of `ser.evaluation.calibration.describe`.
    """
    with project_style():
        figure = Figure(figsize=(8, 4.8), layout="constrained")
        axes = figure.subplots()
        for number, (model, about) in enumerate(described.items()):
            axes.plot(
                100 * curves["coverage"],
                100 * curves[model],
                color=SERIES_COLOURS[number % len(SERIES_COLOURS)],
                # Where colours come round again, the dashes are other ones.
                linestyle=_DASHES[(number + number // len(SERIES_COLOURS)) % len(_DASHES)],
                label=f"{model_title(model)} (AURC {100 * about['after']['aurc']:.1f} %)",
            )
        axes.set_xlim(0, 100)
        least = curves[list(described)].to_numpy().min()
        axes.set_ylim(10 * math.floor(10 * least), 101)
        axes.grid()
        axes.set_xlabel("coverage: share of the clips that are answered, the most confident first, in %")
        axes.set_ylabel("accuracy on these clips in %")
        axes.set_title("Accuracy with abstention (LUNA5, after temperature scaling)")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    return figure
