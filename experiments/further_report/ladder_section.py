"""The further report's section on the leakage ladder: its rungs, and in words what each leak is worth."""

from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType

from experiments.further_report.results import Ladder
from experiments.ladder.figures import LEAK_NAMES, LEAKY_MODELS, RUNG_NAMES
from experiments.ladder.recipes import RUNGS
from experiments.ladder.scores import Rung, Worth
from ser.evaluation.model_names import capitalized
from ser.report.html_parts import Cell, Estimate, Points, percent, points, table

_DIVIDED: Mapping[str, str] = MappingProxyType(
    {"rows": "copies, at random", "clips": "clips, at random", "actors": "actors"}
)
"""By `experiments.ladder.recipes.Recipe.divided`."""

_LEAK_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "random_split": (
            "The model has learned the voices on which it is tested, often with the same sentence in the "
            "same emotion."
        ),
        "scaling_by_speaker": (
            "Every speaker's features are scaled by the mean and deviation of all of their own clips, "
            "without labels. Who hears one recording of a stranger has no such clips."
        ),
        "chosen_on_test": (
            "The epoch or the hyper-parameters are picked by the score on the very clips on which the result "
            "is then reported."
        ),
        "scaling_on_all": (
            "The mean and deviation by which features are scaled are those of all clips, tested ones too."
        ),
        "byte_identical_pair": (
            "Two clips of RAVDESS hold the same samples, and a random split may train on one and test the "
            "other."
        ),
        "permuted_labels": (
            "No leak but a check: a model that has learned labels dealt out at random should score what "
            "guessing does. Whatever it has above that has leaked in."
        ),
    }
)


def headline(ladder: Ladder) -> str:
    """Say how far the top of the ladder stands above speakers who are new."""
    top, honest = ladder.rungs[0], _rung(ladder, "speakers")
    return (
        f"One and the same network, trained briefly, scores <strong>{percent(top.uar)}&nbsp;%</strong> if "
        "its clips are augmented first and split at random then, and "
        f"<strong>{percent(honest.uar)}&nbsp;%</strong> (UAR; 95&nbsp;% "
        f"interval {percent(honest.uar_low)} to {percent(honest.uar_high)}&nbsp;%) on speakers of whom it "
        "has heard nothing."
    )


def _rung(ladder: Ladder, recipe: str) -> Rung:
    return next(rung for rung in ladder.rungs if rung.recipe == recipe)


def rungs_table(ladder: Ladder) -> str:
    """Tabulate the rungs from the most flattering one down."""
    rows: list[list[Cell]] = []
    for name, rung in _named(ladder):
        chosen_by = "test clips" if rung.shown == "test" else "validation clips"
        uar = Estimate(rung.uar, rung.uar_low, rung.uar_high)
        row: list[Cell] = [name, _DIVIDED[RUNGS[rung.recipe].divided], chosen_by, uar, rung.accuracy]
        rows.append([*row, len(rung.per_seed), rung.tested_clips])
    return table(
        "The ladder: the article's CNN on the contour, one change a rung, in %",
        [
            "What changes",
            "Split by",
            "Epoch chosen by",
            "UAR, 95 % interval",
            "Accuracy",
            "Seeds",
            "Clips tested a seed",
        ],
        rows,
        bars=True,
    )


def epochs_table(ladder: Ladder) -> str:
    """Tabulate what the same runs score by another choice of the epoch, and each seed of the rung's own."""
    n_seeds = max(len(rung.per_seed) for rung in ladder.rungs)
    rows: list[list[Cell]] = []
    for name, rung in _named(ladder):
        seeds: list[Cell] = [*rung.per_seed, *[None] * (n_seeds - len(rung.per_seed))]
        rows.append([name, rung.best_on_test, rung.by_validation, rung.last_epoch, *seeds])
    return table(
        "The same runs: UAR by who chooses the epoch, and of each seed as in the table above, in %",
        [
            "Rung",
            "Best on the test clips",
            "Chosen by validation clips",
            "Last epoch",
            *(f"Seed {place} of {n_seeds}" for place in range(1, n_seeds + 1)),
        ],
        rows,
    )


def _named(ladder: Ladder) -> list[tuple[str, Rung]]:
    return [
        (f"{place}. {_one_line(RUNG_NAMES[rung.recipe])}", rung)
        for place, rung in enumerate(ladder.rungs, start=1)
    ]


def leaks_table(ladder: Ladder) -> str:
    """Tabulate the points that each leak is worth, a column a model."""
    worths = {(it.leak, it.model): it for it in ladder.leaks}
    rows: list[list[Cell]] = []
    for leak in _weighed(ladder):
        found = [worths.get((leak, model)) for model in ladder.models]
        cells: list[Cell] = [None if it is None else Points(it.points, it.low, it.high) for it in found]
        rows.append([_one_line(LEAK_NAMES[leak]), *cells])
    return table(
        "What each leak adds to the UAR, in points, with 95 % intervals",
        ["Leak", *(capitalized(LEAKY_MODELS[model][0]) for model in ladder.models)],
        rows,
    )


def sides_table(ladder: Ladder) -> str:
    """Tabulate both sides of each comparison."""
    order = list(LEAK_NAMES)
    rows: list[list[Cell]] = [
        [
            _one_line(LEAK_NAMES[it.leak]),
            LEAKY_MODELS[it.model][0],
            it.uar,
            it.honest_uar,
            it.seeds,
            it.actors,
        ]
        for it in sorted(ladder.leaks, key=lambda it: order.index(it.leak))
    ]
    return table(
        "Both sides of each comparison, UAR in %",
        ["Leak", "Model", "With it", "Without it", "Seeds", "Actors"],
        rows,
    )


def pair_table(ladder: Ladder) -> str:
    """Tabulate what the byte-identical clips can be worth at most."""
    if not ladder.byte_identical_pair:
        return ""
    rows: list[list[Cell]] = [
        [LEAKY_MODELS[it.model][0], it.splits, it.apart, it.recognised, it.at_most]
        for it in ladder.byte_identical_pair
    ]
    return table(
        "The byte-identical pair under random splits: the most that it can be worth, in points of UAR",
        ["Model", "Splits", "Pair apart", "Tested one recognised", "Worth at most"],
        rows,
    )


def leak_words(ladder: Ladder) -> str:
    """Say of each leak what it is and which models gain by it."""
    items = []
    for leak in _weighed(ladder):
        worths = [
            it for model in ladder.models for it in ladder.leaks if (it.leak, it.model) == (leak, model)
        ]
        name = capitalized(_one_line(LEAK_NAMES[leak]))
        items.append(
            f"<dt>{escape(name)}</dt>\n<dd>{escape(_LEAK_WORDS[leak])} {' '.join(_verdicts(worths))}</dd>\n"
        )
    return f'<dl class="terms">\n{"".join(items)}</dl>'


def _verdicts(worths: Sequence[Worth]) -> list[str]:
    """Sort models by where the interval lies, and put the points of each in brackets."""
    above = [it for it in worths if it.low > 0]
    below = [it for it in worths if it.high < 0]
    open_ = [it for it in worths if it not in above and it not in below]
    told = (
        (above, "Above 0: {}."),
        (below, "Below 0: {}."),
        (open_, "Not to be told from 0: {}."),
    )
    return [words.format(_listed(group)) for group, words in told if group]


def _listed(worths: Sequence[Worth]) -> str:
    each = [f"{escape(LEAKY_MODELS[it.model][0])} ({points(it.points)})" for it in worths]
    return each[0] if len(each) == 1 else f"{', '.join(each[:-1])} and {each[-1]}"


def _weighed(ladder: Ladder) -> list[str]:
    return [leak for leak in LEAK_NAMES if any(it.leak == leak for it in ladder.leaks)]


def _one_line(label: str) -> str:
    return label.replace("\n", " ")
