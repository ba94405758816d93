"""Recognise the emotion in recordings of speech.

  ser predict talk.wav                    a table
  ser predict recordings/ --jobs 2 --csv  all that a folder holds, as CSV
  ser predict '*.flac' --json             a JSON object a line
  cat talk.wav | ser predict -            from standard input

A recording longer than some seconds becomes a timeline. "not sure" marks an uncertain answer: the confidence
is too low to rely on, or there is less than a second of speech; "no speech" marks parts without any. A
recording that cannot be read, was cut short, or has no speech, is named on standard error and skipped, and
the exit code is 1.
--parquet writes as it goes; the file appears under its name once it is complete.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from ser.audio.paths import ENDINGS, find, printable
from ser.cli.options import add_jobs, add_model
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.recognizer.judging import Recognition, Segment
from ser.recognizer.recognizer import Recognizer

STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ser predict``."""
    parser.add_argument(
        "recordings",
        nargs="+",
        metavar="FILE|FOLDER|PATTERN|-",
        help="recordings to recognise; - is standard input",
    )
    add_model(parser)
    add_jobs(parser)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="a JSON object a line")
    output.add_argument("--csv", action="store_true", help="a row a recording, or a segment of a long one")
    output.add_argument("--parquet", type=Path, metavar="OUT", help="the same rows, as a Parquet file")


def run(arguments: argparse.Namespace) -> int:
    """Recognise and write; the exit code is 0 where all recordings could be read."""
    files, problems = find(arguments.recordings, kept=STDIN)
    for problem in problems:
        _complain(problem)
    failures = len(problems)
    if arguments.parquet:
        _check_output(arguments.parquet, files)
    recognizer = Recognizer.load(arguments.model)

    def recognised() -> Iterator[Recognition]:
        nonlocal failures
        results = _progress(_results(recognizer, files, arguments.jobs), len(files))
        for result in results:
            if isinstance(result, InputError):
                failures += 1
                _complain(result)
            else:
                yield result

    if arguments.parquet:
        _write_parquet(arguments.parquet, recognised())
    else:
        write: Callable[[Iterable[Recognition]], None] = _write_table
        if arguments.json:
            write = _write_json
        elif arguments.csv:
            write = _write_csv
        write(recognised())
    return 1 if failures else 0


def _check_output(path: Path, files: list[str]) -> None:
    """Refuse to write over a recording: `--parquet a.wav b.wav` takes the first of them for its file."""
    listened_to = path.exists() and any(file != STDIN and path.samefile(file) for file in files)
    if listened_to or path.suffix.lower() in ENDINGS:
        raise InputError(f"{path}: is a recording, and would be lost; give --parquet another file to write")


def _results(recognizer: Recognizer, files: list[str], jobs: int) -> Iterator[Recognition | InputError]:
    place = files.index(STDIN) if STDIN in files else len(files)
    yield from recognizer.predict_many(files[:place], jobs=jobs)
    if STDIN in files:
        if sys.stdin is None:
            raise InputError("standard input is closed; there is nothing to listen to")
        try:
            yield recognizer.predict(sys.stdin.buffer, name="standard input")
        except InputError as error:
            yield error
    yield from recognizer.predict_many(files[place + 1 :], jobs=jobs)


def _progress(results: Iterator[Recognition | InputError], total: int) -> Iterable[Recognition | InputError]:
    if total < 2:
        return results
    # Imported here: one file needs no bar.
    from tqdm import tqdm

    return tqdm(results, total=total, unit="file", disable=None, file=sys.stderr, leave=False)


def _write_table(results: Iterable[Recognition]) -> None:
    for result in results:
        print(f"{printable(result.source)}  {_in_words(result)}")
        for start_s, end_s, answer in sorted(_timeline(result)):
            print(f"  {_clock(start_s)} to {_clock(end_s)}  {answer}")
        sys.stdout.flush()


def _timeline(result: Recognition) -> Iterator[tuple[float, float, str]]:
    """Give start, end and answer of the parts of a long recording, and of those without speech."""
    spoken = groupby(result.segments, key=lambda it: None if it.uncertain else it.emotion)
    for _, run_of in spoken:
        for start_s, end_s, first, confidence in _joined(list(run_of)):
            label = "not sure" if first.uncertain else first.emotion
            yield start_s, end_s, f"{label:9}  {confidence:4.0%}"
    for start_s, end_s in result.no_speech:
        yield start_s, end_s, "no speech"


def _joined(segments: list[Segment]) -> Iterator[tuple[float, float, Segment, float]]:
    """Join segments that touch: start, end, the first of them, and their mean confidence."""
    parts: list[list[Segment]] = []
    for segment in segments:
        if parts and segment.start_s <= parts[-1][-1].end_s + 1e-6:
            parts[-1].append(segment)
        else:
            parts.append([segment])
    for part in parts:
        mean = sum(it.confidence for it in part) / len(part)
        yield part[0].start_s, part[-1].end_s, part[0], mean


def _in_words(result: Recognition) -> str:
    ranked = sorted(result.probabilities.items(), key=lambda it: -it[1])
    if result.uncertain:
        return f"not sure: {', '.join(f'{emotion} {share:.0%}' for emotion, share in ranked[:3])}"
    return f"{result.emotion} {result.confidence:.0%}, then {ranked[1][0]} {ranked[1][1]:.0%}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02d}:{rest:04.1f}"


def _write_json(results: Iterable[Recognition]) -> None:
    for result in results:
        # A name that cannot be printed is escaped, so that it can be read back.
        unprintable = printable(result.source) != result.source
        print(json.dumps(result.as_dict(), ensure_ascii=unprintable), flush=True)


COLUMNS = ("file", "start_s", "end_s", "emotion", "confidence", "uncertain", *(f"p_{it}" for it in EMOTIONS))
"""Columns of CSV and Parquet."""
_TYPES = (str, float, float, str, float, bool, *(float for _ in EMOTIONS))


def _rows(result: Recognition) -> Iterator[tuple[Any, ...]]:
    """Give a row for each segment of a long recording, else one for the whole."""
    for it in result.segments or (result,):
        start_s, end_s = (it.start_s, it.end_s) if isinstance(it, Segment) else (0.0, it.duration_s)
        about = (
            printable(result.source),
            round(start_s, 3),
            round(end_s, 3),
            it.emotion,
            it.confidence,
            it.uncertain,
        )
        yield (*about, *it.probabilities.values())


def _write_csv(results: Iterable[Recognition]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        for row in _rows(result):
            writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
        sys.stdout.flush()


def _write_parquet(path: Path, results: Iterable[Recognition]) -> None:
    # Imported here: it takes most of a second, and only this needs it.
    from ser.cli.row_groups import writing

    # Opened before the first result is asked for: hours of work must not end at a folder that is not there.
    with writing(path, dict(zip(COLUMNS, _TYPES, strict=True))) as write:
        for result in results:
            write(_rows(result))


def _complain(problem: InputError) -> None:
    if sys.stderr.isatty():
        # Over the progress bar, if there is one.
        print("\r\033[K", end="", file=sys.stderr)
    print(f"error: {printable(str(problem))}", file=sys.stderr, flush=True)
