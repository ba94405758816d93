"""A subject of the pipeline's benchmark: its cases, what is compared, and the tables of what they took."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.cases import Case, run_rounds

Results = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A quantity of each case in a table.

    Attributes
    ----------
    key : str
        Its key in a run.
    heading : str
    unit : float
        By what it is divided to be shown.
    digits : int
        After the point.
    """

    key: str
    heading: str
    unit: float = 1.0
    digits: int = 2


WALL = Column("wall_s", "wall, s")
CPU = Column("cpu_s", "CPU, s")
PEAK = Column("peak_bytes", "peak, MB", unit=1e6, digits=0)


@dataclass(frozen=True)
class Ratio:
    """A quantity of one case divided by that of another, in the same round.

    Attributes
    ----------
    title, quantity : str
    above, below : str
        Names of cases.
    base : str or None
        Where given, what is divided is how much more `above` takes than `below`, by how much more `below`
        takes than this case.
    """

    title: str
    quantity: str
    above: str
    below: str
    base: str | None = None


@dataclass(frozen=True)
class Subject:
    """What is measured side by side.

    Attributes
    ----------
    name, heading, about : str
        Its key in the results, and what stands above its tables.
    cases : sequence of Case
    titles : dict
        What each case is, by its name, in the order of the table.
    columns : tuple of Column
    ratios : tuple of Ratio
    rounds : int
    warm_up : bool
        See `benchmarks.cases.run_rounds`.
    findings : callable or None
        What else is found out, in sentences: called once, before anything is timed.
    """

    name: str
    heading: str
    about: str
    cases: Sequence[Case]
    titles: dict[str, str]
    columns: tuple[Column, ...]
    ratios: tuple[Ratio, ...]
    rounds: int
    warm_up: bool = True
    findings: Callable[[], list[str]] | None = None


def measure(subject: Subject, *, tell: Callable[[str], None]) -> Results:
    """Measure a subject's cases in rounds.

    Parameters
    ----------
    subject
        What.
    tell
        Called with a line before each measurement.

    Returns
    -------
    dict
        What `tables` shows: ``heading``, ``about``, ``columns``, ``cases`` with their runs, ``ratios`` round
        by round, ``findings``.
    """
    # First, so that no hour of measurements is lost where that fails.
    findings = subject.findings() if subject.findings is not None else []
    measured = run_rounds(subject.cases, rounds=subject.rounds, tell=tell, warm_up=subject.warm_up)
    runs = {name: measured[name]["runs"] for name in subject.titles if name in measured}
    return {
        "heading": subject.heading,
        "about": subject.about,
        "columns": [asdict(column) for column in subject.columns],
        "cases": {name: {"title": subject.titles[name], "runs": it} for name, it in runs.items()},
        "ratios": [
            {"title": ratio.title, "values": values}
            for ratio in subject.ratios
            if set(_cases(ratio)) <= runs.keys() and (values := _divided(runs, ratio))
        ],
        "findings": findings,
    }


def tables(results: Results) -> str:
    """Write a subject's results as Markdown, ratios first."""
    lines = [f"### {results['heading']}", "", results["about"], ""]
    if results["ratios"]:
        lines += ["| ratio, round by round | median | least to greatest |", "|---|---|---|"]
        for ratio in results["ratios"]:
            values = ratio["values"]
            spread = f"{min(values):.2f} to {max(values):.2f}" if len(values) > 1 else "one round"
            lines.append(f"| {ratio['title']} | {median(values):.2f} | {spread} |")
        lines.append("")
    columns = [Column(**column) for column in results["columns"]]
    lines += [f"| median (least to greatest) | {' | '.join(it.heading for it in columns)} |"]
    lines += [f"|{'---|' * (1 + len(columns))}"]
    for case in results["cases"].values():
        cells = [case["title"], *(_spread(case["runs"], column) for column in columns)]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"\n{finding}" for finding in results["findings"]]
    return "\n".join(lines)


def _cases(ratio: Ratio) -> list[str]:
    return [ratio.above, ratio.below, *([ratio.base] if ratio.base else [])]


def _divided(runs: dict[str, list[dict[str, float]]], ratio: Ratio) -> list[float]:
    # A case may take part in fewer rounds, the first ones.
    rounds = zip(*(runs[name] for name in _cases(ratio)), strict=False)
    # Nor do all systems tell all quantities.
    told = [each for each in rounds if all(ratio.quantity in run for run in each)]
    values = []
    for each in told:
        above, below, *base = (run[ratio.quantity] for run in each)
        values.append((above - below) / (below - base[0]) if base else above / below)
    return values


def _spread(runs: list[dict[str, float]], column: Column) -> str:
    values = [run[column.key] / column.unit for run in runs if column.key in run]
    if not values:
        return ""
    digits = column.digits
    middle = f"{median(values):.{digits}f}"
    return f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})" if len(values) > 1 else middle
