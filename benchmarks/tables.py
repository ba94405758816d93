"""The results of the recognizer's benchmark as tables: what each case took, and ratios between cases."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from tools.pages.marked_blocks import fill_blocks

_MB = 1e6

TITLES = {
    "python": "Python alone, which imports nothing",
    "imports": "importing the recognizer",
    "one_file": "`ser predict` of one recording",
    "folder_jobs_1": "`ser predict` of the folder, `--jobs 1`",
    "folder_jobs_2": "`ser predict` of the folder, `--jobs 2`",
    "folder_flac": "the same folder as FLAC, `--jobs 2`",
    "long_1": "`ser predict` of one long recording",
    "long_2": "`ser predict` of a longer one",
    "before_one_file": "one recording, before",
    "before_folder_jobs_1": "the folder, `--jobs 1`, before",
    "before_long_1": "the long recording, before",
    "nkululeko_one_file": "nkululeko's predict of one recording",
    "nkululeko_folder": "nkululeko's predict of the folder",
}
"""By the names of cases, in the order of the table."""

RATIOS = (
    *(
        (f"{what}: {name} of before, in that of now", quantity, f"before_{case}", case)
        for what, case in (
            ("one recording", "one_file"),
            ("the folder, `--jobs 1`", "folder_jobs_1"),
            ("the long recording", "long_1"),
        )
        for name, quantity in (("wall time", "wall_s"), ("CPU time", "cpu_s"), ("peak memory", "peak_bytes"))
    ),
    (
        "one recording: nkululeko's wall time, in those of `ser predict`",
        "wall_s",
        "nkululeko_one_file",
        "one_file",
    ),
    (
        "the folder: nkululeko's wall time, in those of `--jobs 1`",
        "wall_s",
        "nkululeko_folder",
        "folder_jobs_1",
    ),
    (
        "the folder: nkululeko's CPU time, in those of `--jobs 1`",
        "cpu_s",
        "nkululeko_folder",
        "folder_jobs_1",
    ),
    (
        "the folder: wall time of `--jobs 1`, in those of `--jobs 2`",
        "wall_s",
        "folder_jobs_1",
        "folder_jobs_2",
    ),
    ("peak memory of the longer recording, in those of the long one", "peak_bytes", "long_2", "long_1"),
    (
        "peak memory: nkululeko's on the folder, in those of `--jobs 1`",
        "peak_bytes",
        "nkululeko_folder",
        "folder_jobs_1",
    ),
)
"""What it says, the quantity, and the two cases, the first divided by the second."""

Results = dict[str, Any]


def tables(results: Results) -> str:
    """Write all results as Markdown."""
    cases = {name: results["cases"][name] for name in TITLES if name in results["cases"]}
    return "\n".join([about(results), "", *_case_lines(cases), "", *_ratio_lines(cases)])


def about(results: Results) -> str:
    """Say on what and where it was measured."""
    machine, recordings = results["machine"], results["recordings"]
    kind = "synthetic clips" if recordings["synthetic"] else "recordings"
    return (
        f"{recordings['number']} {kind}, {recordings['audio_s']:.0f} s in all, 16 bit at "
        f"{recordings['sample_rate']} Hz, WAV unless it says FLAC. {where(machine)}"
    )


def where(machine: Mapping[str, Any]) -> str:
    """Say on what machine, how busy, and with which packages."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    before = f" Before: commit {machine['before']}." if "before" in machine else ""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_before']:.1f} before the run; "
        f"Python {machine['python']}, {versions}.{before}"
    )


def fill(page: str, results: Results) -> str:
    """Replace the marked block ``recognizer`` of a page by the tables; others stay as they are."""
    return fill_blocks(page, {"recognizer": tables(results)}.get)


def write_page(path: Path, results: Results) -> None:
    """Bring a page's block up to date, if the page is there."""
    if path.exists():
        path.write_text(fill(path.read_text(encoding="utf-8"), results), encoding="utf-8")


def steady_speed(cases: dict[str, Any], name: str, *, quantity: str) -> float | None:
    """Seconds of audio for each second of a folder, once started: the time of one recording is taken off.

    Parameters
    ----------
    cases
        With those of one recording by the same program.
    name
        A folder's.
    quantity
        Which seconds: ``wall_s`` or ``cpu_s``.

    Returns
    -------
    float or None
        None where it is no folder, or too small to tell: its time is all start.
    """
    program = next((it for it in ("nkululeko_", "before_") if name.startswith(it)), "")
    one = cases.get(f"{program}one_file")
    if one is None or "folder" not in name:
        return None
    further_s = _median(cases[name], quantity) - _median(one, quantity)
    further_audio_s = cases[name]["audio_s"] - one["audio_s"]
    return further_audio_s / further_s if further_s > 0 and further_audio_s > 0 else None


_HEADINGS = (
    *("median (least to greatest)", "audio, s", "wall, s", "CPU, s", "times real time"),
    *("once started", "once started, a CPU second", "peak, MB"),
)


def _case_lines(cases: dict[str, Any]) -> list[str]:
    lines = [f"| {' | '.join(_HEADINGS)} |", f"|{'---|' * len(_HEADINGS)}"]
    for name, case in cases.items():
        listens = case["recordings"] > 0
        cells = [
            TITLES[name],
            f"{case['audio_s']:.1f}" if listens else "",
            _spread(case, "wall_s"),
            _spread(case, "cpu_s"),
            _speed(case["audio_s"] / _median(case, "wall_s") if listens else None),
            _speed(steady_speed(cases, name, quantity="wall_s")),
            _speed(steady_speed(cases, name, quantity="cpu_s")),
            f"{_median(case, 'peak_bytes') / _MB:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _speed(factor: float | None) -> str:
    if factor is None:
        return ""
    return f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}"


def _ratio_lines(cases: dict[str, Any]) -> list[str]:
    lines = ["| ratio, round by round | median | least to greatest |", "|---|---|---|"]
    for title, quantity, above, below in RATIOS:
        if above not in cases or below not in cases:
            continue
        # Only rounds in which both were measured.
        pairs = zip(_values(cases[above], quantity), _values(cases[below], quantity), strict=False)
        ratios = [one / other for one, other in pairs]
        lines.append(f"| {title} | {median(ratios):.2f} | {min(ratios):.2f} to {max(ratios):.2f} |")
    return lines


def _values(case: dict[str, Any], quantity: str) -> list[float]:
    return [run[quantity] for run in case["runs"]]


def _median(case: dict[str, Any], quantity: str) -> float:
    return median(_values(case, quantity))


def _spread(case: dict[str, Any], quantity: str) -> str:
    values = _values(case, quantity)
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
