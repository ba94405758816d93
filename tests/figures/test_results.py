"""Figures show the numbers that they are given, whole, and with the same bytes each time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from ser.data.ravdess import EMOTIONS
from ser.evaluation.article_results import compare
from ser.evaluation.human_listeners import PUBLISHED, PUBLISHED_ACCURACY
from ser.evaluation.metrics import recalls, uar
from ser.evaluation.scores import Tally
from ser.figures import results as result_figures
from ser.figures.style import save


def make_tally(*, n_seeds: int = 1, empty_row: bool = False) -> Tally:
    counts = np.random.default_rng(0).integers(0, 9, (n_seeds, 24, 8, 8))
    counts += 20 * np.eye(8, dtype=np.int64)
    if empty_row:
        counts[:, :, 1] = 0
    actors = tuple(range(1, 25))
    genders = tuple("male" if actor % 2 else "female" for actor in actors)
    return Tally(tuple(range(n_seeds)), actors, genders, counts)


def make_summary() -> dict[str, dict[str, dict[str, float]]]:
    score = {"uar": 0.613, "uar_low": 0.561, "uar_high": 0.668}
    return {
        "luna5": {"lda": score, "a_model_with_a_really_long_name": score},
        "article": {"dummy": {"uar": 0.126, "uar_low": 0.124, "uar_high": 0.128}},
    }


def make_curves() -> pd.DataFrame:
    epochs = np.arange(1, 6)
    falling = {"loss": 2 / epochs, "val_loss": 9 / epochs, "accuracy": epochs / 6, "val_accuracy": epochs / 7}
    runs = [("cnn", 0, 0), ("cnn", 1, 0), ("logmel_cnn", 0, 0), ("logmel_cnn", 0, 1), ("logmel_cnn", 0, 2)]
    return pd.concat(
        pd.DataFrame({"model": model, "seed": seed, "fold": fold, "epoch": epochs, **falling})
        for model, seed, fold in runs
    )


ACCURACIES = {
    "dummy": [0.12, 0.13],
    "decision_tree": [0.29],
    "cnn": [0.40, 0.41, 0.42],
    "cnn_augmented": [0.99, 1.0],
}

COMPARED: dict[str, Any] = {
    "human": {"accuracy": PUBLISHED_ACCURACY, "per_emotion": PUBLISHED},
    "models": {
        model: {
            "accuracy": 0.7 + shift,
            "accuracy_low": 0.6 + shift,
            "accuracy_high": 0.8 + shift,
            "per_emotion": dict(zip(PUBLISHED, np.linspace(0.3, 0.9, 7) + shift, strict=True)),
        }
        for model, shift in {"a_model_with_a_really_long_name": 0.02, "lda": 0.0}.items()
    },
}

FIGURES: dict[str, Callable[[], Figure]] = {
    "human_comparison": lambda: result_figures.human_comparison(COMPARED, models=list(COMPARED["models"])),
    "overview": lambda: result_figures.overview(make_summary()),
    "confusion": lambda: result_figures.confusion(
        make_tally(n_seeds=10), model="cnn_augmented", protocol="article"
    ),
    "learning_curves": lambda: result_figures.learning_curves(make_curves()),
    "article_comparison": lambda: result_figures.article_comparison(compare(ACCURACIES), ACCURACIES),
    "per_actor": lambda: result_figures.per_actor(
        make_tally(), model="logistic_regression", protocol="luna5"
    ),
    "per_emotion": lambda: result_figures.per_emotion(make_tally(), model="svm_rbf", protocol="emobox6"),
}


def words(figure: Figure) -> list[str]:
    """Every text that the figure shows."""
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_sticks_out_of_the_figure(name: str) -> None:
    figure = FIGURES[name]()
    figure.draw_without_rendering()
    tight, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert tight.x0 >= 0
    assert tight.y0 >= 0
    assert tight.x1 <= width
    assert tight.y1 <= height


@pytest.mark.parametrize("name", FIGURES)
def test_bytes_are_the_same_each_time_and_settings_stay_as_they_were(name: str, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    for number in (1, 2):
        save(FIGURES[name](), tmp_path / f"{number}.png")
    first, second = ((tmp_path / f"{number}.png").read_bytes() for number in (1, 2))
    assert first.startswith(b"\x89PNG")
    assert first == second
    assert dict(mpl.rcParams) == before


def test_overview_names_models_protocols_and_scores() -> None:
    shown = words(FIGURES["overview"]())
    assert {"LDA", "A model with a really long name", "Dummy", "chance"} <= set(shown)
    assert "61.3  (56.1 to 66.8)" in shown
    assert any(text.startswith("LUNA5 (speaker-independent") for text in shown)


def test_confusion_shows_percent_of_each_row() -> None:
    tally = make_tally(n_seeds=2)
    shown = words(result_figures.confusion(tally, model="lda", protocol="luna5"))
    diagonal = [f"{100 * recall:.0f}" for recall in recalls(tally.pooled.sum(axis=0))]
    cells = [text for text in shown if text.isdigit()]
    assert len(cells) == 64
    assert cells[::9] == diagonal
    n_neutral = tally.pooled[:, 0].sum() // 2
    assert f"neutral ({n_neutral})" in shown
    assert any(f"UAR {100 * uar(tally.pooled).mean():.1f} %, mean of 2 seeds" in text for text in shown)


def test_an_emotion_without_clips_is_an_empty_row() -> None:
    shown = words(result_figures.confusion(make_tally(empty_row=True), model="lda", protocol="luna5"))
    assert "calm (0)" in shown
    assert [text for text in shown if text.isdigit()][8:16] == ["0"] * 8


def test_learning_curves_have_a_line_a_run_and_name_the_fault_of_the_article() -> None:
    figure = FIGURES["learning_curves"]()
    assert [len(axes.lines) for axes in figure.axes] == [4, 6, 4, 6]
    shown = words(figure)
    assert shown.count("test clips, as in the article") == 1
    assert shown.count("validation actors") == 1
    assert shown.count("training") == 2


def test_article_comparison_says_which_are_inside() -> None:
    shown = words(FIGURES["article_comparison"]())
    assert "First CNN\narticle 47.9" in shown
    assert "ours 12.5 ± 0.7\ninside the interval" in shown
    assert "ours 29.0\ninside the interval" in shown
    assert "ours 41.0 ± 1.0\noutside the interval" in shown
    assert "ours 99.5 ± 0.7\noutside the interval" in shown


def test_people_and_models_are_drawn_at_their_recalls() -> None:
    figure = FIGURES["human_comparison"]()
    drawn = {str(line.get_label()): np.asarray(line.get_xdata()) for line in figure.axes[0].lines}
    people = COMPARED["human"]["per_emotion"]
    order = sorted(people, key=lambda name: -people[name])
    np.testing.assert_allclose(drawn["people (62.4)"], [62.4, *(100 * people[name] for name in order)])
    model = COMPARED["models"]["lda"]
    shares = [model["accuracy"], *(model["per_emotion"][name] for name in order)]
    np.testing.assert_allclose(drawn[f"LDA ({100 * model['accuracy']:.1f})"], 100 * np.array(shares))


def heights(axes: Axes) -> list[float]:
    return [bar.get_height() for bar in axes.patches if isinstance(bar, Rectangle)]


def test_bars_are_as_high_as_the_scores() -> None:
    tally = make_tally()
    actors, emotions = (FIGURES[name]().axes[0] for name in ("per_actor", "per_emotion"))
    np.testing.assert_allclose(heights(actors), 100 * uar(tally.counts)[0])
    np.testing.assert_allclose(heights(emotions), 100 * recalls(tally.pooled)[0])
    assert [text.get_text() for text in emotions.get_xticklabels()] == list(EMOTIONS)
