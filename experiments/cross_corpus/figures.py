"""Figure of trust: the accuracy of the answers that are kept, by how many are kept."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.cross_corpus.trust import curve, words_of
from ser.figures.style import SERIES_COLOURS, project_style
from ser.recognizer.certainty import LIKELY, SURE, Thresholds

_MARKERS = {(SURE,): "o", (SURE, LIKELY): "s"}
_FEWEST_DRAWN = 20
"""Of fewer answers the accuracy could be anything."""


def risk_coverage(
    answers: Mapping[str, Mapping[str, pd.DataFrame]],
    thresholds: Mapping[str, Thresholds],
    *,
    names: Mapping[str, str],
) -> Figure:
    """Draw accuracy by coverage, a panel a model and a line a condition, with marks where the words are.

    Parameters
    ----------
    answers
        Answers by model and condition, as of `experiments.cross_corpus.trust.answer`.
    thresholds
        Those of each model.
    names
        What each condition is called, in the order of the colours.
    """
    colours = dict(zip(names, SERIES_COLOURS, strict=False))
    with project_style():
        figure = Figure(figsize=(9, 5), layout="constrained")
        panels = figure.subplots(1, len(answers), sharey=True, squeeze=False)[0]
        for axes, (model, by_condition) in zip(panels, answers.items(), strict=True):
            for condition, of in by_condition.items():
                kept = curve(of)
                drawn = kept.iloc[min(_FEWEST_DRAWN, len(kept)) - 1 :]
                colour = colours[condition]
                axes.plot(100 * drawn["coverage"], 100 * drawn["accuracy"], color=colour)
                words = words_of(of, thresholds[model])
                for among, marker in _MARKERS.items():
                    said = words.isin(among)
                    if said.any():
                        axes.plot(100 * said.mean(), 100 * of["right"][said].mean(), marker, color=colour)
            axes.set_title(f"model {model}")
            axes.set_xlabel("coverage in %, the most confident answers first")
            axes.set_xlim(0, 100)
            axes.set_ylim(0, 101)
            axes.set_yticks(np.arange(0, 101, 20))
            axes.grid()
        figure.supylabel("accuracy on these clips in %")
        lines = [Line2D([], [], color=colours[it]) for it in names]
        marks = [Line2D([], [], color="#222222", marker=it, linestyle="none") for it in _MARKERS.values()]
        labels = [*names.values(), "sure answers", "sure and likely ones"]
        figure.legend([*lines, *marks], labels, loc="outside lower center", ncols=4, fontsize=8)
    return figure
