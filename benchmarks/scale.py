"""Time and peak memory of ingest, extract and normalize at 1, 10 and 100 times a small corpus.

The corpus is synthetic, three clips an actor, so that 10 times it has half as many as RAVDESS, and 100 times
five times as many. RAVDESS's names have no room for more than 1440 clips, so that a larger corpus is the same
clips again: `extract` and `normalize` are run as they are on a table whose rows are repeated, and of `ingest`
all that comes after finding the files.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import yaml

from benchmarks.cases import PROJECT
from benchmarks.once import case_of
from benchmarks.own_memory import OwnMemory
from benchmarks.subjects import CPU, PEAK, WALL, Column, Ratio, Subject
from ser.audio.clip_io import sha256_of, write_pcm16
from ser.data import clips
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import SAMPLE_RATE, ManifestEntry, all_clips, clip_path, parse_clip, write_manifest
from ser.data.synthetic import synthesize
from ser.files import write_parquet
from ser.params import Workers, load_params

FACTORS = (1, 10, 100)
OWN = Column("own_bytes", "its own, MB", unit=1e6, digits=0)
_STAGES = ("ingest", "extract", "normalize")
# Of the first statement; the emotions follow the actor, so that all are there.
_BASE = [
    clip
    for clip in all_clips()
    if clip[9:17] == "01-01-01" and (int(clip[6:8]) - int(clip[-2:])) % 8 in (0, 1, 2)
]


def subject(folder: Path, *, rounds: int) -> Subject:
    """Describe what is measured; the corpora are written to `folder`."""
    make_corpus(folder)
    cases = [
        case_of("scale", f"{stage}_{factor}", str(folder), folder=folder)
        for stage in _STAGES
        for factor in FACTORS
    ]
    ratios = []
    for stage in _STAGES:
        first, tenth, last = (f"{stage}_{factor}" for factor in FACTORS)
        ratios += [
            Ratio(f"`{stage}`: time of 100x, in that of 10x", "work_s", last, tenth),
            Ratio(
                f"`{stage}`: what 100x takes more time than 10x, in what 10x takes more than 1x; in line, 10",
                *("work_s", last, tenth, first),
            ),
            Ratio(f"`{stage}`: peak memory of 100x, in that of 10x", "peak_bytes", last, tenth),
            Ratio(f"`{stage}`: peak memory of 100x, in that of 1x", "peak_bytes", last, first),
            Ratio(f"`{stage}`: its own memory at 100x, in that at 10x", OWN.key, last, tenth),
            Ratio(f"`{stage}`: its own memory at 100x, in that at 1x", OWN.key, last, first),
        ]
    return Subject(
        name="scale",
        heading="Scale",
        about=(
            f"1x is {len(_BASE)} synthetic clips of about 1.3 s; 10x and 100x are the same again and again, "
            "so that the disk is read once, and `ingest` is without the search for its files. Time is that "
            "of the stage's work, imports left out and the start of two workers included; memory that of the "
            "largest process: the peak with what it maps of files, and its own without, looked at 50 times a "
            "second at most, which is in the time."
        ),
        cases=cases,
        titles={f"{stage}_{factor}": f"`{stage}`, {factor}x" for stage in _STAGES for factor in FACTORS},
        columns=(Column("work_s", "work, s"), Column("clip_ms", "a clip, ms"), WALL, CPU, PEAK, OWN),
        ratios=tuple(ratios),
        rounds=rounds,
        warm_up=False,
    )


def make_corpus(folder: Path) -> None:
    """Write the clips, their manifest, and for each factor a folder with table, split and parameters."""
    raw = folder / "raw"
    manifest = {}
    for clip in _BASE:
        samples = synthesize(clip)
        clip_path(raw, clip).parent.mkdir(parents=True, exist_ok=True)
        write_pcm16(clip_path(raw, clip), samples, sample_rate=SAMPLE_RATE)
        manifest[clip] = ManifestEntry(frames=len(samples), sha256=sha256_of(samples))
    write_manifest(folder / "manifest.csv", manifest)
    table = pd.DataFrame([vars(parse_clip(clip)) for clip in _BASE])
    table["path"] = [clip_path(raw, clip).as_posix() for clip in _BASE]
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    params["workers"] = {"backend": "loky", "jobs": 2}
    for factor in FACTORS:
        workspace = folder / str(factor)
        write_parquet(workspace / "data/clips.parquet", pd.concat([table] * factor, ignore_index=True))
        write_parquet(workspace / "data/splits/luna5.parquet", split_by_actor(table, LUNA5))
        (workspace / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        _write_features(workspace / "data/features", clips=factor * len(_BASE))


def run_once(case: str, folder: str) -> dict[str, float]:
    """Do a stage's work once.

    Returns
    -------
    dict
        ``work_s`` in seconds; ``clip_ms``, milliseconds a clip; ``own_bytes``, see `benchmarks.own_memory`.
    """
    stage, factor = case.split("_")
    work = _WORK[stage](Path(folder), int(factor))
    os.chdir(Path(folder) / factor)
    with OwnMemory() as memory:
        start = time.perf_counter()
        work()
        work_s = time.perf_counter() - start
    clip_ms = 1e3 * work_s / (int(factor) * len(_BASE))
    own = {OWN.key: memory.peak_bytes} if memory.peak_bytes else {}
    return {"work_s": work_s, "clip_ms": clip_ms, **own}


def _ingest(folder: Path, factor: int) -> Callable[[], None]:
    from ser.data.ravdess import read_manifest

    manifest = read_manifest(folder / "manifest.csv")
    found = {f"{clip} {copy}": clip_path("", clip).as_posix() for copy in range(factor) for clip in manifest}
    expected = {name: manifest[name.split(" ")[0]] for name in found}

    def work() -> None:
        with mock.patch.object(clips, "match", return_value=(found, [])):
            table = clips.clips_table(folder / "raw", expected, workers=Workers(backend="loky", jobs=2))
        write_parquet("data/clips_again.parquet", table)

    return work


def _extract(_folder: Path, _factor: int) -> Callable[[], None]:
    from stages import extract

    return lambda: _run(extract.main, "clean")


def _normalize(_folder: Path, _factor: int) -> Callable[[], None]:
    from stages import normalize

    return lambda: _run(normalize.main, "logmel")


_WORK: dict[str, Callable[[Path, int], Callable[[], None]]] = {
    "ingest": _ingest,
    "extract": _extract,
    "normalize": _normalize,
}


def _run(main: Callable[[], None], *arguments: str) -> None:
    with mock.patch.object(sys, "argv", ["stage", *arguments]):
        main()


def _write_features(folder: Path, *, clips: int) -> None:
    """Write what `normalize` reads: noise, row by row, so that this process stays small."""
    params = load_params(PROJECT / "params.yaml")
    shape = (params.extract.logmel.n_frames, params.extract.logmel.n_mels)
    draw = np.random.default_rng(0)
    for variant, copies in (("clean", 1), ("resampled", len(params.resample.speeds))):
        path = folder / variant / "logmel.npy"
        path.parent.mkdir(parents=True)
        # The clean one is what `extract` replaces.
        whole = (clips, *shape) if variant == "clean" else (copies, clips, *shape)
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=whole)
        for row in array.reshape(-1, *shape):
            row[:] = draw.standard_normal(shape, dtype=np.float32)
        array.flush()
