"""Compare reproduced metrics with the committed ones, model by model; exit with 1 where any differs.

Reads, in REPRODUCED and in the folder of the committed metrics, summary.json and luna5_folds.csv, whichever
of the two were reproduced; a model that was not reproduced is not compared. What may differ:

  same kind of machine  nothing. The kind is what `python -m tools.machine` prints: CPU, Python, packages,
                        BLAS; machine.json beside the committed metrics says of which kind they are.
  another machine       classical models nothing, but for logistic regression, whose solver is iterative, and
                        for those on Whisper's layers, which ONNX Runtime computes: by 0.02. Networks as much
                        as with other seeds, because rounding depends on the instruction set, and training
                        makes it grow: their means over the reproduced seeds by three deviations of the
                        difference of two such means, 2 test clips or 0.02, whichever is most. How seeds
                        differ is read from the committed metrics.
"""

import argparse
import json
import math
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ser.errors import InputError
from ser.evaluation.scores import FOLD_COLUMNS
from stages import command
from tools import machine

CLASSICAL = frozenset(
    {
        *("dummy", "decision_tree", "lda", "lda_augmented", "logistic_regression", "svm_rbf"),
        *("encoder_lda", "encoder_lda_augmented", "layers_lda", "layers_lda_clean"),
    }
)
EXACT_ELSEWHERE = CLASSICAL - {"logistic_regression", "layers_lda", "layers_lda_clean"}
NETWORK_TOLERANCE = 0.02
NETWORK_CLIPS = 2
NETWORK_DEVIATIONS = 3
"""By chance about one of 75 figures of an equal network falls outside: the deviation is that of few seeds."""


class Key(NamedTuple):
    """What a figure says: where it was measured, of which model, by which metric."""

    scope: str
    model: str
    metric: str


class Figure(NamedTuple):
    """A metric's value, what other seeds would change (a standard deviation), and the number of test clips.

    The last two are 0 where the files do not tell.
    """

    value: float
    deviation: float = 0.0
    clips: int = 0


class Comparison(NamedTuple):
    """A committed figure (None if there is none) and a reproduced one."""

    key: Key
    committed: float | None
    reproduced: float
    allowed: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is allowed."""
        # The slack is for figures such as 0.52 - 0.5, which binary floats make a little more than 0.02.
        slack = 1e-12 if self.allowed else 0.0
        return self.committed is not None and abs(self.reproduced - self.committed) <= self.allowed + slack


def read_figures(folder: Path) -> dict[Key, Figure]:
    """Read summary.json and luna5_folds.csv, whichever of them the folder has.

    Raises
    ------
    InputError
        Where the folder has neither, or one of them is malformed.
    """
    readers = {"summary.json": _read_summary, "luna5_folds.csv": _read_folds}
    figures: dict[Key, Figure] = {}
    for name, read in readers.items():
        path = folder / name
        if not path.exists():
            continue
        try:
            figures |= read(path)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path}: not metrics as evaluate writes them ({error!r})") from error
    if not figures:
        raise InputError(f"{folder}: holds neither {' nor '.join(readers)}; nothing to compare")
    return figures


def _read_summary(path: Path) -> dict[Key, Figure]:
    content = json.loads(path.read_text(encoding="utf-8"))
    details = path.with_name("details.json")
    try:
        detailed = json.loads(details.read_text(encoding="utf-8")) if details.exists() else {}
    except ValueError as error:
        raise InputError(f"{details}: not JSON ({error}); evaluate writes it") from error

    def deviation(protocol: str, model: str) -> float:
        """Of a mean over seeds; the UAR's stands for every metric's."""
        seeds = detailed.get(protocol, {}).get(model, {})
        return (seeds.get("uar_sd") or 0.0) / math.sqrt(len(seeds.get("seeds", [])) or 1)

    return {
        Key(protocol, model, metric): Figure(float(value), deviation(protocol, model))
        for protocol, models in content.items()
        for model, metrics in models.items()
        for metric, value in metrics.items()
    }


def _read_folds(path: Path) -> dict[Key, Figure]:
    table = pd.read_csv(path)[list(FOLD_COLUMNS)]
    metrics = ["uar", "accuracy"]
    # Between seeds of one fold, pooled over the folds.
    variance = table.groupby(["model", "fold"])[metrics].var().groupby("model").mean().fillna(0.0)
    return {
        Key(f"luna5 fold {row['fold']} seed {row['seed']}", str(row["model"]), metric): Figure(
            float(row[metric]), math.sqrt(variance.loc[row["model"], metric]), clips=int(row["n"])
        )
        for row in table.to_dict("records")
        for metric in metrics
    }


def mean_over_seeds(figures: dict[Key, Figure], *, like: dict[Key, Figure]) -> dict[Key, Figure]:
    """Replace networks' runs of one fold by their mean over the seeds that `like` has, too.

    Classical models, and what is a mean already, stay.
    """
    groups: dict[Key, list[Figure]] = {}
    for key, figure in figures.items():
        if key in like:
            fold, of_seed, _ = key.scope.partition(" seed ")
            merged = bool(of_seed) and key.model not in CLASSICAL
            groups.setdefault(key._replace(scope=fold) if merged else key, []).append(figure)
    return {
        key: Figure(
            sum(it.value for it in group) / len(group),
            group[0].deviation / math.sqrt(len(group)),
            group[0].clips,
        )
        for key, group in groups.items()
    }


def compare(reproduced: dict[Key, Figure], committed: dict[Key, Figure], *, exact: bool) -> list[Comparison]:
    """Set every reproduced figure beside the committed one; unless exactly, networks' means over seeds.

    Parameters
    ----------
    reproduced, committed
        Figures from `read_figures`; committed ones that were not reproduced are left out.
    exact
        Allow no difference at all, neither to networks.
    """
    if not exact:
        missing = {key: figure for key, figure in reproduced.items() if key not in committed}
        reproduced, committed = (
            mean_over_seeds(reproduced, like=committed) | missing,
            mean_over_seeds(committed, like=reproduced),
        )
    return [
        Comparison(
            key,
            committed=committed[key].value if key in committed else None,
            reproduced=figure.value,
            allowed=0.0 if exact or key not in committed else allowed_difference(key.model, committed[key]),
        )
        for key, figure in reproduced.items()
    ]


def allowed_difference(model: str, committed: Figure) -> float:
    """How far a figure may lie from a committed one that was measured on another kind of machine."""
    if model in EXACT_ELSEWHERE:
        return 0.0
    of_difference = math.sqrt(2) * committed.deviation
    clips = NETWORK_CLIPS / committed.clips if committed.clips else 0.0
    return max(NETWORK_TOLERANCE, clips, NETWORK_DEVIATIONS * of_difference)


def format_table(comparisons: list[Comparison]) -> str:
    """Lay the comparisons out for people, a line a figure."""
    header = ("protocol", "model", "metric", "committed", "reproduced", "difference", "allowed", "verdict")
    lines = [header, *map(_cells, comparisons)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (map(str.ljust, line, widths) for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def _cells(row: Comparison) -> tuple[str, ...]:
    return (
        *row.key,
        "none" if row.committed is None else f"{row.committed:.4f}",
        f"{row.reproduced:.4f}",
        "" if row.committed is None else f"{row.reproduced - row.committed:+.4f}",
        f"{row.allowed:.4f}",
        "equal" if row.committed == row.reproduced else "agrees" if row.agrees else "DIFFERS",
    )


def same_machine(committed: Path) -> bool:
    """Whether this machine is of the kind that made the committed metrics; prints in what it is not."""
    path = committed / "machine.json"
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        print(f"{path}: no such file, so the kind of machine is unknown: networks may differ.")
        return False
    except ValueError as error:
        raise InputError(
            f"{path}: not JSON ({error}); write it again with `python -m tools.machine`"
        ) from error
    found = machine.differences(there, machine.describe())
    if found:
        print(f"Another kind of machine ({', '.join(found)}): networks may differ.")
    else:
        print("The same kind of machine: nothing may differ.")
    return not found


def report(reproduced: Path, committed: Path, *, exact: bool | None = None) -> None:
    """Print the table and raise where a figure differs.

    Parameters
    ----------
    reproduced, committed
        Folders of the reproduced and of the committed metrics.
    exact
        Whether to allow no difference; None to decide by the kind of machine.

    Raises
    ------
    InputError
        Where metrics cannot be read, or any figure differs by more than is allowed.
    """
    figures = read_figures(reproduced), read_figures(committed)
    comparisons = compare(*figures, exact=same_machine(committed) if exact is None else exact)
    print(format_table(comparisons))
    wrong = [row for row in comparisons if not row.agrees]
    if wrong:
        raise InputError(f"{len(wrong)} of {len(comparisons)} figures differ from the committed ones")
    print(f"All {len(comparisons)} figures agree with the committed ones.")


def main() -> None:
    """Compare two folders of metrics."""
    parser = command.parser(__doc__)
    parser.add_argument("reproduced", metavar="REPRODUCED", type=Path, help="folder of metrics")
    parser.add_argument("--committed", type=Path, default=Path("metrics"), help="default: %(default)s")
    parser.add_argument(
        "--exact",
        action=argparse.BooleanOptionalAction,
        help="allow no difference, or the tolerance, whatever the machine",
    )
    arguments = parser.parse_args()
    report(arguments.reproduced, arguments.committed, exact=arguments.exact)


if __name__ == "__main__":
    command.run(main)
