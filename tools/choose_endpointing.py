"""Choose the settings of endpointing by where it finds the ends of speech, never by recognition scores.

    python -m tools.choose_endpointing             # one setting after the other: a minute
    python -m tools.choose_endpointing --report    # the settings in use, beside trimming at 32 dB

The ends to find are those of the clean recording at 32 dB below its loudest frame. Each recording is tried
with all of its silence, with 0.2 s of it at either end, and with none. Settings are chosen on clips of actors
1 to 4, by the least mean of the median and 90th percentile of the error, and on noise alone. The report is
on clips of actors 1 to 10. Babble is of actors 11 to 16; no clip of any other actor is read.

Reads   data/raw
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.audio import clip_io as audio
from ser.audio.corruptions.babble import babble
from ser.audio.corruptions.click import Click
from ser.audio.corruptions.colored_noise import colored_noise
from ser.audio.corruptions.corruption import generator, seed_of
from ser.audio.corruptions.dc_offset import DcOffset
from ser.audio.endpointing import (
    ENDPOINTING,
    EndpointingSettings,
    Levels,
    band_levels,
    span_of_levels,
    speech_span,
)
from ser.features.front_end import frame_power
from stages import command

Waveform = npt.NDArray[np.float32]
Span = tuple[int, int]

RATE = 16_000
OLD_TRIM_DB, OLD_FRAME, OLD_HOP = 32.0, 640, 256
PADS_S: Mapping[str, float | None] = {"whole": None, "0.2 s": 0.2, "none": 0.0}
"""How much of the silence at either end is left, in seconds."""
CHOSEN_BY = (
    *("clean", "white_20", "white_10", "white_5", "white_0", "brown_10"),
    *("babble_20", "babble_10", "babble_5", "click", "hum_10"),
)
GRID: tuple[tuple[Mapping[str, Any], ...], ...] = (
    tuple({"low_hz": low, "high_hz": high} for low, high in ((100, 7000), (200, 4000), (300, 3400))),
    # Fewer are not enough: frames overlap, and a click is in up to 5 or, with longer hops, 3 of them.
    tuple(
        {"hop_s": hop_s, "smooth_frames": it}
        for hop_s, numbers in ((0.008, (9, 13, 17)), (0.016, (7, 9)))
        for it in numbers
    ),
    tuple({"floor_percentile": it} for it in (3, 5, 10, 20)),
    tuple({"range_db": it} for it in (35, 40, 45, 50)),
    tuple({"threshold_share": it} for it in (0.3, 0.35, 0.4, 0.45, 0.5)),
    tuple({"extension_share": it} for it in (0.1, 0.15, 0.2, 0.25, 0.3)),
    tuple({"pad_frames": it} for it in (0, 1, 2)),
)
"""Values that are tried, a setting (or two that belong together) after the other."""
CHOICE_EVERY, REPORT_EVERY = 6, 5
"""Every so many clips of an actor are tried."""
LEAST_DB = (1.0, 2.0, 3.0, 4.0)
NOISE_CLIPS = 200
"""Recordings of each colour of noise alone, of 1 to 6 s."""


@dataclass(frozen=True)
class Trial:
    """One recording under one condition.

    Attributes
    ----------
    condition, pad : str
        Name of the corruption, and one of `PADS_S`.
    samples : numpy.ndarray [shape=(n,), dtype=float32]
        The corrupted recording at `RATE`.
    speech : tuple of (int, int)
        Where the speech begins and ends, in samples; beyond the recording by no more than a frame.
    """

    condition: str
    pad: str
    samples: Waveform
    speech: Span


def old_span(samples: Waveform) -> Span:
    """Find the ends of speech in samples [shape=(n,)] as the models were trained until now."""
    power = frame_power(samples, frame=OLD_FRAME, hop=OLD_HOP)
    decibels = 10 * np.log10(np.maximum(power, 1e-10))
    (loud,) = np.nonzero(decibels > decibels.max() - OLD_TRIM_DB)
    return int(loud[0]) * OLD_HOP, min((int(loud[-1]) + 1) * OLD_HOP, len(samples))


def conditions(clip: str, samples: Waveform, voices: list[Waveform]) -> Iterator[tuple[str, Waveform]]:
    """Corrupt a clip [shape=(n,)] in every way, at ratios that the clean speech's true ends define."""
    start, stop = old_span(samples)
    seed = seed_of(0, clip)
    chosen = generator(0, clip).choice(len(voices), 6, replace=False)
    time = np.arange(len(samples)) / RATE
    noises = {
        color: colored_noise(color, len(samples), sample_rate=RATE, seed=seed)
        for color in ("white", "pink", "brown")
    }
    noises["babble"] = babble([voices[place] for place in chosen], len(samples), seed=seed)
    partials = [np.sin(2 * np.pi * 50 * order * time + order) / order for order in range(1, 6)]
    noises["hum"] = np.sum(partials, axis=0)
    ratios = {"white": (20, 10, 5, 0), "pink": (10,), "brown": (10,), "babble": (20, 10, 5, 0), "hum": (10,)}

    yield "clean", samples
    for name, noise in noises.items():
        for ratio in ratios[name]:
            gain = np.std(samples[start:stop]) / np.std(noise[start:stop]) / 10 ** (ratio / 20)
            yield f"{name}_{ratio}", (samples + gain * noise).astype(np.float32)
    for offset in (0.003, 0.03, 0.1):
        yield f"dc_{offset:g}", DcOffset(offset).apply(samples, RATE)
    yield "click", Click(place=0.05, duration_s=0.001, amplitude=0.5).apply(samples, RATE)


def trials(folder: Path, actors: range, *, every: int, pads: Iterable[str]) -> Iterator[Trial]:
    """Corrupt every `every`-th clip of some actors, with as much silence as `pads`, of `PADS_S`, say."""

    def load(actor: int, step: int) -> dict[str, Waveform]:
        paths = sorted(folder.glob(f"Actor_{actor:02d}/*.wav"))[::step]
        return {path.stem: audio.load(path, sample_rate=RATE) for path in paths}

    voices = [it[slice(*old_span(it))] for actor in range(11, 17) for it in load(actor, 10).values()]
    for clip, samples in {key: it for actor in actors for key, it in load(actor, every).items()}.items():
        start, stop = old_span(samples)
        for condition, corrupted in conditions(clip, samples, voices):
            for name in pads:
                pad_s = PADS_S[name]
                pad = len(samples) if pad_s is None else round(pad_s * RATE)
                before = max(0, start - pad)
                part = corrupted[before : stop + pad]
                if condition == "click" and pad_s is not None:
                    # Cut off with the silence in which it was.
                    part = Click(0.01, 0.001, 0.5).apply(samples[before : stop + pad], RATE)
                yield Trial(condition, name, part, (start - before, stop - before))


def errors_ms(trial: Trial, span: slice) -> tuple[float, float]:
    """How much later than the true ones the start and the end were found, in ms."""
    ends = zip((span.start, span.stop), trial.speech, strict=True)
    start, end = (1000 * (found - true) / RATE for found, true in ends)
    return start, end


def errors_by_settings(tried: list[Trial]) -> Callable[[EndpointingSettings], tuple[float, float]]:
    """Make what scores settings: means over conditions of the median and 90th percentile error, in ms."""
    cells = pd.Series([f"{it.condition} {it.pad}" for it in tried]).repeat(2)

    @cache
    def levels(low_hz: float, high_hz: float, hop_s: float) -> list[Levels]:
        settings = replace(ENDPOINTING, low_hz=low_hz, high_hz=high_hz, hop_s=hop_s)
        return [band_levels(it.samples, sample_rate=RATE, settings=settings) for it in tried]

    @cache
    def scored(settings: EndpointingSettings) -> tuple[float, float]:
        found = zip(tried, levels(settings.low_hz, settings.high_hz, settings.hop_s), strict=True)
        spans = (
            (trial, span_of_levels(it, len(trial.samples), sample_rate=RATE, settings=settings))
            for trial, it in found
        )
        errors = [errors_ms(trial, span) for trial, span in spans]
        by_cell = pd.Series(np.abs(errors).ravel(), index=cells.index).groupby(cells.to_numpy())
        return float(by_cell.median().mean()), float(by_cell.quantile(0.9).mean())

    return scored


def search(tried: list[Trial]) -> tuple[EndpointingSettings, pd.DataFrame]:
    """Change one setting after the other to its best value, until nothing gets better.

    Parameters
    ----------
    tried
        Recordings under the conditions of `CHOSEN_BY`.

    Returns
    -------
    chosen : EndpointingSettings
        The settings of the least error.
    table : pandas.DataFrame
        What each value of each setting would cost beside the chosen ones: errors in ms.
    """
    scored = errors_by_settings(tried)
    chosen, former = ENDPOINTING, None
    while chosen != former:
        former = chosen
        for values in GRID:
            chosen = min((replace(chosen, **it) for it in values), key=lambda it: sum(scored(it)))
    rows = []
    for value in itertools.chain.from_iterable(GRID):
        median, p90 = scored(replace(chosen, **value))
        mark = "*" if replace(chosen, **value) == chosen else ""
        text = ", ".join(f"{name} = {it:g}" for name, it in value.items())
        rows.append({"setting": text, "": mark, "median": median, "p90": p90, "mean": (median + p90) / 2})
    return chosen, pd.DataFrame(rows)


def ends_in_noise(settings: EndpointingSettings) -> pd.Series:
    """Give the share of recordings of noise alone in which ends are found, by ``least_db``."""
    shares = {}
    for least_db in LEAST_DB:
        found = 0
        for number, color in itertools.product(range(NOISE_CLIPS), ("white", "pink", "brown")):
            length = int(generator(0, "length", str(number)).integers(RATE, 6 * RATE))
            noise = colored_noise(color, length, sample_rate=RATE, seed=number).astype(np.float32)
            span = speech_span(noise, sample_rate=RATE, settings=replace(settings, least_db=least_db))
            found += span != slice(0, length)
        shares[least_db] = found / (3 * NOISE_CLIPS)
    return pd.Series(shares, name="share with ends").rename_axis("least_db")


def report(tried: Iterable[Trial]) -> pd.DataFrame:
    """Tabulate the errors in ms of the old trim and of the settings in use, a row a condition and trim."""
    rows = []
    for trial in tried:
        new = speech_span(trial.samples, sample_rate=RATE)
        for way, span in (("old", slice(*old_span(trial.samples))), ("new", new)):
            start, end = errors_ms(trial, span)
            rows.append({"condition": trial.condition, "trim": way, "start": start, "end": end})
    table = pd.DataFrame(rows).set_index(["condition", "trim"])
    signed, absolute = (it.groupby(level=[0, 1], sort=False) for it in (table, table.abs()))
    columns = {"median": signed.median(), "|median|": absolute.median(), "|p90|": absolute.quantile(0.9)}
    return pd.concat(columns, axis=1).swaplevel(axis=1)[["start", "end"]]


def main() -> None:
    """Search, or report."""
    parser = command.parser(__doc__)
    parser.add_argument("--folder", type=Path, default=Path("data/raw"), help="Actor_XX/CLIP.wav")
    parser.add_argument("--report", action="store_true", help="of the settings in use; choose nothing")
    arguments = parser.parse_args()
    if arguments.report:
        shown = trials(arguments.folder, range(1, 11), every=REPORT_EVERY, pads=["whole"])
        print(report(shown).round(0).astype(int).to_string())
        return
    tried = trials(arguments.folder, range(1, 5), every=CHOICE_EVERY, pads=PADS_S)
    chosen, table = search([it for it in tried if it.condition in CHOSEN_BY])
    print(table.round(1).to_string(index=False))
    print(ends_in_noise(chosen).round(3).to_string())
    print(chosen)


if __name__ == "__main__":
    command.run(main)
