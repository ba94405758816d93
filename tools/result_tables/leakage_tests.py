"""The table of leakage tests: label permutation, canary features and held-out removal, a row a model."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.result_tables.cells import markdown, percent, read
from tools.result_tables.models import short_name

FILES = (
    *("leak_checks", "layers_leaks", "whisper_leaks", "whisper_adaptation_leaks"),
    *("aligned_leaks", "aligned_cnn_leaks", "taught_leaks"),
)
"""Files of metrics with the tests, without their ending."""
_HEADING = (
    "model",
    "labels permuted: UAR",
    "canary, seen speakers",
    "canary, LUNA5",
    "LUNA5 without canary",
    "held-out removal: largest change",
)


def tests(metrics: Path) -> str:
    """Tabulate the tests of each model; a cell is empty where a test was not made."""
    main, layers, whisper, adapted, dtw, dtw_cnn, distillation = (
        read(metrics / f"{name}.json") for name in FILES
    )
    layers_uar = read(metrics / "summary.json")["luna5"][layers["model"]]["uar"]
    whisper_uar = read(metrics / "whisper.json")["luna5"][whisper["model"]]["uar"]
    dtw_uar = read(metrics / "aligned.json")["luna5"][dtw["model"]]["uar"]
    student_uar = read(metrics / "taught.json")["luna5"][distillation["model"]]["uar"]
    rows = [
        _row("LDA on speaker encoder, speed perturbation", main, main["plain_uar"]),
        _row(short_name(layers["model"]), layers, layers_uar),
        _row("Whisper ensemble, unseen speakers", whisper, whisper_uar),
        _row(f"Whisper ensemble, adapted to {adapted['n_clips']} clips", adapted, None),
        _row("DTW LDA", dtw, dtw_uar),
        _one_fold("DTW experiment's log-mel CNN (one fold, one seed)", dtw_cnn, ""),
        ["teacher", "", "", "", "", _change(distillation["teacher_unseen_largest_difference"])],
        _row("DTW LDA, student", distillation, student_uar),
        _one_fold("log-mel CNN, student (one fold, one seed)", distillation, "network_"),
    ]
    return markdown(_HEADING, rows)


def _row(name: str, found: Mapping[str, Any], plain_uar: float | None) -> list[str]:
    canary = ["", "", ""]
    if plain_uar is not None:
        canary = [
            percent(found["canary_of_known_actors_uar"]),
            percent(found["canary_uar"]),
            percent(plain_uar),
        ]
    permuted = _list(found["permuted_uar_by_seed"].values())
    return [name, permuted, *canary, _change(found["unseen_largest_difference"])]


def _one_fold(name: str, found: Mapping[str, Any], prefix: str) -> list[str]:
    change = _change(found[f"{prefix}unseen_largest_difference"])
    return [name, percent(found[f"{prefix}permuted_uar"]), "", "", "", change]


def _list(shares: Iterable[float]) -> str:
    return ", ".join(percent(share) for share in shares)


def _change(difference: float) -> str:
    return f"{difference:.0e}" if difference else "0"
