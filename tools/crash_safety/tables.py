"""Count the outcomes of fault injection, and write them into docs/crash_safety.md."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.crash_safety.fault_injection import Outcome, Way
from tools.pages.marked_blocks import fill_blocks

_PAGE = Path("docs/crash_safety.md")
_METRICS = Path("metrics/crash_safety.json")
_WAYS: dict[Way, str] = {
    "kill": "killed",
    "kill_alone": "killed alone",
    "interrupt": "Ctrl-C",
    "full_disk": "full disk",
    "read_only": "read-only disk",
}

_SEEN = ("in_stage", "left_temporaries", "told_clearly", "resumed", "needed_mending")
"""Of an outcome, what is counted beside survival."""


def line(outcome: Outcome) -> str:
    """Say in a line what came of one trial."""
    trial = outcome.trial
    seen = [
        *(["DVC's turn"] if not outcome.in_stage else []),
        *(["left something unfinished"] if outcome.left_temporaries else []),
        *(["resumed"] if outcome.resumed else []),
        *outcome.remarks,
        *(outcome.faults or ["survived"]),
    ]
    return f"{trial.stage} {trial.way} {trial.state} at {trial.share:.2f}: {'; '.join(seen)}"


def summarize(
    outcomes: Iterable[Outcome], *, planned: int, seed: int, cache: Iterable[tuple[int, list[str]]]
) -> dict[str, Any]:
    """Count trials and their outcomes, by stage and kind of fault.

    Parameters
    ----------
    outcomes
        Outcomes of all trials that were made.
    planned
        Number of trials that were planned; they are made in random order.
    seed
        Seed of the moments at which faults are injected.
    cache
        By workspace, the number of objects in DVC's cache at the end, and those that are damaged.
    """
    ordered = sorted(outcomes, key=lambda it: (it.trial.stage, it.trial.way, it.trial.share))
    stages: dict[str, dict[str, Any]] = {}
    for outcome in ordered:
        trial = outcome.trial
        counts = stages.setdefault(trial.stage, {}).setdefault(
            trial.way,
            dict.fromkeys(("tried", "survived", *_SEEN), 0) | {"shares": []},
        )
        counts["tried"] += 1
        counts["survived"] += not outcome.faults
        for name in _SEEN:
            counts[name] += getattr(outcome, name)
        counts["shares"].append(round(trial.share, 3))
    objects, damaged = zip(*cache, strict=True)
    return {
        "seed": seed,
        "planned": planned,
        "made": len(ordered),
        "stages": stages,
        "faults": _count(text for outcome in ordered for text in outcome.faults),
        "remarks": _count(text for outcome in ordered for text in outcome.remarks),
        "cache": {"objects": sum(objects), "damaged": sum(map(len, damaged))},
    }


def trials_table(found: dict[str, Any]) -> str:
    """Tabulate by stage what was survived of what was tried."""
    heads = [
        "stage",
        *_WAYS.values(),
        "killed at its work",
        "with something unfinished",
        "resumed",
        "DVC's own files",
    ]
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    total: dict[Way, Counter[str]] = {way: Counter() for way in _WAYS}
    for stage, ways in found["stages"].items():
        for way, counts in ways.items():
            total[way].update({name: count for name, count in counts.items() if name != "shares"})
        rows.append(_row(f"`{stage}`", ways))
    return "\n".join([*rows, _row("all", {way: counts for way, counts in total.items() if counts})])


def seen_list(found: dict[str, Any]) -> str:
    """List what was not survived and what else was seen, with counts."""
    cache, counts = found["cache"], {way: Counter[str]() for way in ("interrupt", "full_disk", "read_only")}
    for ways in found["stages"].values():
        for way, each in counts.items():
            each.update(
                {name: ways.get(way, {}).get(name, 0) for name in ("tried", "in_stage", "told_clearly")}
            )
    disks, interrupts = counts["full_disk"] + counts["read_only"], counts["interrupt"]
    return "\n".join(
        [
            f"- trials made: {found['made']} of {found['planned']} that were planned",
            f"- Ctrl-C that hit the stage itself, not DVC before or after it: "
            f"{interrupts['in_stage']} of {interrupts['tried']}",
            f"- full and read-only disks with which DVC started the stage: "
            f"{disks['in_stage']} of {disks['tried']}",
            f"- full and read-only disks told in one line that names the file, by the stage or by DVC: "
            f"{disks['told_clearly']} of {disks['tried']}",
            f"- objects in DVC's cache afterwards: {cache['objects']}, damaged {cache['damaged']}",
            *(f"- not survived, {count} of the trials: {text}" for text, count in found["faults"].items()),
            *(f"- {count} of the trials: {text}" for text, count in found["remarks"].items()),
        ]
    )


def fill_page(project: Path) -> None:
    """Write the committed counts into the page about them."""
    page = project / _PAGE
    page.write_text(filled(project), encoding="utf-8")


def filled(project: Path) -> str:
    """Text of the page with the committed counts."""
    found = json.loads((project / _METRICS).read_text(encoding="utf-8"))
    blocks = {"trials": trials_table, "seen": seen_list}
    return fill_blocks((project / _PAGE).read_text(encoding="utf-8"), lambda name: blocks[name](found))


def _row(name: str, ways: dict[Any, Any]) -> str:
    survived = [f"{ways[way]['survived']} of {ways[way]['tried']}" if way in ways else "" for way in _WAYS]
    kills = ways.get("kill", {})
    seen = [str(kills.get(key, 0)) for key in ("in_stage", "left_temporaries")]
    seen += [str(sum(it[key] for it in ways.values()) or "") for key in ("resumed", "needed_mending")]
    return f"| {' | '.join([name, *survived, *seen])} |"


def _count(texts: Iterable[str]) -> dict[str, int]:
    """Count texts that differ in numbers of processes alone as one."""
    counted = Counter(re.sub(r"\b\d{3,}\b", "N", text) for text in texts)
    return dict(sorted(counted.items(), key=lambda it: (-it[1], it[0])))
