"""The further report's section on degraded recordings, and whether augmentation earns its keep."""

from html import escape

from experiments.further_report.results import Gain, Robustness
from experiments.robustness.condition_names import condition_words
from experiments.robustness.scores import MODEL_WORDS, MODELS, PAIRS
from ser.evaluation.model_names import capitalized
from ser.report.html_parts import Cell, Estimate, Points, percent, points, table


def condition_table(robustness: Robustness) -> str:
    """Tabulate the UAR of every model under every condition."""
    rows: list[list[Cell]] = [
        [condition_words(condition), *(_estimate(robustness, condition, model) for model in MODELS)]
        for condition in robustness.uar
    ]
    return table(
        "UAR of clean and degraded recordings (LUNA5), in %, with 95 % intervals",
        ["Recordings", *(capitalized(MODEL_WORDS[model]) for model in MODELS)],
        rows,
        bars=True,
    )


def _estimate(robustness: Robustness, condition: str, model: str) -> Estimate:
    it = robustness.uar[condition][model]
    return Estimate(it.uar, it.uar_low, it.uar_high)


def robustness_words(robustness: Robustness) -> str:
    """Say what the best model on clean recordings keeps, and where another one is better."""
    clean = robustness.uar["clean"]
    best = max(clean, key=lambda model: clean[model].uar)
    words = (
        f"On clean recordings {escape(MODEL_WORDS[best])} has the highest UAR, "
        f"{percent(clean[best].uar)}&nbsp;%."
    )
    degraded = {name: models for name, models in robustness.uar.items() if name != "clean"}
    if not degraded:
        return words
    worst, mildest = (choose(degraded, key=lambda name: degraded[name][best].uar) for choose in (min, max))
    keeps = [
        name for name, models in degraded.items() if models[best].uar >= max(it.uar for it in models.values())
    ]
    return (
        f"{words} It keeps most under “{escape(condition_words(mildest))}”, "
        f"{percent(degraded[mildest][best].uar)}&nbsp;%, and least under “{escape(condition_words(worst))}”, "
        f"{percent(degraded[worst][best].uar)}&nbsp;%. It has the highest UAR under "
        f"{len(keeps)} of the {len(degraded)} other conditions as well."
    )


def gain_table(robustness: Robustness) -> str:
    """Tabulate what augmented copies in training are worth under every condition."""
    gained = robustness.gain_by_augmentation
    rows: list[list[Cell]] = []
    for condition in robustness.uar:
        gains = [gained[kind][condition] for kind in PAIRS]
        rows.append([condition_words(condition), *(Points(it.gain, it.low, it.high) for it in gains)])
    return table(
        "What augmentation adds to the UAR, in points, with 95 % intervals",
        ["Recordings", *(capitalized(MODEL_WORDS[plain]) for _, plain in PAIRS.values())],
        rows,
    )


def gain_words(robustness: Robustness) -> str:
    """Answer whether augmentation earns its keep, for each kind of model."""
    gained = robustness.gain_by_augmentation
    items = [_gained_words(MODEL_WORDS[plain], gained[kind]) for kind, (_, plain) in PAIRS.items()]
    clean = [kind for kind in PAIRS if gained[kind]["clean"].low > 0]
    return (
        f"<p>On clean recordings it does so for {len(clean)} of {len(PAIRS)} kinds of model, if the whole "
        f"interval has to lie above 0:</p>\n<ul>\n{''.join(items)}</ul>"
    )


def _gained_words(name: str, gains: dict[str, Gain]) -> str:
    clean = gains["clean"]
    words = (
        f"<li><strong>{escape(capitalized(name))}</strong>: {points(clean.gain)} points on clean recordings "
        f"({points(clean.low)} to {points(clean.high)})."
    )
    degraded = {condition: it for condition, it in gains.items() if condition != "clean"}
    if not degraded:
        return f"{words}</li>\n"
    above = sum(it.low > 0 for it in degraded.values())
    below = sum(it.high < 0 for it in degraded.values())
    least, most = (choose(degraded, key=lambda name: degraded[name].gain) for choose in (min, max))
    return (
        f"{words} Under {above} of the {len(degraded)} other conditions the interval lies above 0, under "
        f"{below} below; from {points(degraded[least].gain)} (“{escape(condition_words(least))}”) to "
        f"{points(degraded[most].gain)} points (“{escape(condition_words(most))}”).</li>\n"
    )
