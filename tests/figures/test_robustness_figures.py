"""The figures of robustness tell every condition."""

from collections.abc import Sequence

import numpy as np

from ser.evaluation.robustness import MODELS, PAIRS
from ser.figures import robustness as figures

CONDITIONS = ("clean", "white_10", "white_0", "babble_10", "telephone", "level_20_clipped", "start_1")
RNG = np.random.default_rng(0)


def scores() -> dict[str, dict[str, dict[str, float]]]:
    """Scores of each model in each condition, all different."""

    def one() -> dict[str, float]:
        uar = float(RNG.uniform(0.2, 0.8))
        return {"uar": uar, "uar_low": uar - 0.05, "uar_high": uar + 0.04}

    return {condition: {model: one() for model in MODELS} for condition in CONDITIONS}


def differences(conditions: Sequence[str], *, name: str) -> dict[str, dict[str, float]]:
    centres = RNG.uniform(-0.1, 0.3, len(conditions)).tolist()
    return {
        condition: {name: it, "low": it - 0.02, "high": it + 0.03}
        for condition, it in zip(conditions, centres, strict=True)
    }


def test_noise_has_a_line_a_model_over_falling_ratios() -> None:
    found = scores()
    white, babble = figures.noise(found).axes
    assert [tick.get_text() for tick in white.get_xticklabels()] == ["clean", "10", "0"]
    assert [tick.get_text() for tick in babble.get_xticklabels()] == ["clean", "10"]
    assert figures.DRAWN[0] == "layers_lda"
    drawn = dict(zip(figures.DRAWN, white.get_lines(), strict=False))
    for model, line in drawn.items():
        expected = [100 * found[it][model]["uar"] for it in ("clean", "white_10", "white_0")]
        np.testing.assert_allclose(np.asarray(line.get_ydata()), expected)


def test_the_other_conditions_have_a_row_each() -> None:
    found = scores()
    (axes,) = figures.conditions(found).axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        "clean",
        "telephone, 8 kHz, mu-law",
        "level +20 dB, clipped at full scale",
        "truncated to the first 1 s of speech",
    ]
    shown = ("clean", "telephone", "level_20_clipped", "start_1")
    for model, line in zip(figures.DRAWN, axes.get_lines(), strict=False):
        expected = [100 * found[it][model]["uar"] for it in shown]
        np.testing.assert_allclose(np.asarray(line.get_xdata()), expected)


def test_gains_have_a_row_a_condition_and_a_point_a_pair() -> None:
    gained = {kind: differences(CONDITIONS, name="gain") for kind in PAIRS}
    (axes,) = figures.augmentation(gained).axes
    assert len(axes.get_yticklabels()) == len(CONDITIONS)
    for kind, line in zip(PAIRS, axes.get_lines(), strict=False):
        expected = [100 * gained[kind][condition]["gain"] for condition in CONDITIONS]
        np.testing.assert_allclose(np.asarray(line.get_xdata()), expected)


def test_what_is_left_out_has_a_panel_a_kind() -> None:
    costs = {
        "noise": differences(("white_10", "white_0"), name="uar"),
        "cut": differences(("start_1",), name="uar"),
    }
    panels = figures.left_out(costs).axes
    assert [axes.get_title(loc="left") for axes in panels] == [
        "Without copies with noise",
        "Without copies with cuts",
    ]
    for axes, found in zip(panels, costs.values(), strict=True):
        expected = [100 * it["uar"] for it in found.values()]
        np.testing.assert_allclose(np.asarray(axes.get_lines()[0].get_xdata()), expected)
        assert len(axes.get_yticklabels()) == len(found)
