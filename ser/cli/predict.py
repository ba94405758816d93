"""Recognise the emotion in recordings of speech.

  ser predict talk.wav                       a line; some lines for a recording of more than 6 s
  ser predict calls/ --channels split        each side of each call that the folder holds
  ser predict calls/ --csv -o calls.csv      a table for a spreadsheet
  ser predict call.wav --format srt          subtitles
  cat talk.wav | ser predict - --json        standard input

Each answer is "sure", "likely" or "not sure", with what speaks against relying on it, such as noise or less
than a second of speech. Of a recording of more than 6 s you see the length of its speech, which share of it
has which emotion, the most confident stretches and when the emotion changes. Neighbouring seconds with the
same answer are one stretch; --timeline prints them all.

formats:
  table     for people; the default
  json      an object a line: file, channel, emotion, confidence, probabilities, ...; of more than 6 s also
            summary, stretches, segments (each second) and no_speech
  csv       a row a stretch, or a recording up to 6 s: file, start_s, end_s, emotion, confidence, uncertain,
            p_neutral to p_surprised, agreement, certainty, reasons, channel, status, reason;
            one that is not answered has a row with status no_speech or error, and the reason
  parquet   the same rows, into the file of -o
  srt, vtt  subtitles;  audacity  a label track;  elan  an ELAN document: of one recording a file;
            in a folder the name of each ends in .srt, .vtt, .labels.txt or .eaf
  rttm      a SPEAKER line a stretch, with the emotion as the name
  Times are in seconds, probabilities from 0 to 1. docs/predict.md describes all of it.

exit codes:
  0  all recordings were answered        1  one was not: standard error names it, and the others are answered
  2  the command was called wrongly      --keep-going: 0 where all could be read, though nobody speaks in some
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ser.audio.paths import by_ending, find, printable
from ser.cli.enrol import ONE_SIDED
from ser.cli.options import add_jobs, add_listening, add_model, add_profiles, load_recognizer, number
from ser.cli.outcomes import STDIN, Outcome, outcomes
from ser.cli.plain_text import time_of
from ser.cli.writers import CSV, FORMATS, JSON, PARQUET, TABLE, Groups, Output
from ser.errors import InputError
from ser.recognizer.channels import CHOICES, MIX
from ser.recognizer.judging import Recognition
from ser.recognizer.recognizer import Progress, Recognizer
from ser.recognizer.rows import NO_SPEECH
from ser.recognizer.speaker_profiles import profile_path, read_profile


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
    parser.add_argument(
        "--channels",
        choices=CHOICES,
        default=MIX,
        help="of a recording of several channels answer for their mean (mix), for one, or for each of two "
        "(split), as of a call (default: mix)",
    )
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="that nobody speaks in a recording, as in hold music, is an answer and no failure",
    )
    _add_output(parser)
    add_listening(parser)
    adaptation = parser.add_argument_group("adaptation")
    adapted = adaptation.add_mutually_exclusive_group()
    adapted.add_argument(
        "--adapt", action="store_true", help="adapt to these recordings, which must be of one set-up"
    )
    adapted.add_argument("--speaker", metavar="NAME", help="adapt to a speaker whom ser enrol knows")
    add_profiles(parser)


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    shape = group.add_mutually_exclusive_group()
    shape.add_argument("--format", choices=FORMATS, help="what is written (default: table)")
    for name in (JSON, CSV):
        shape.add_argument(
            f"--{name}", action="store_const", const=name, dest="format", help=f"--format {name}"
        )
    shape.add_argument("--parquet", type=Path, metavar="OUT", help="--format parquet -o OUT")
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="where it is written, once it is complete (default: standard output); for subtitles and labels "
        "of several recordings a folder, with a file for each",
    )
    group.add_argument("--timeline", action="store_true", help="all stretches of long recordings, in a table")
    group.add_argument(
        "--min-length",
        type=number(0, 3600),
        default=0.0,
        metavar="S",
        help="least length of a stretch, in seconds; shorter ones are left out (default: 0)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Recognise and write; the exit code is 0 where all recordings were answered."""
    items, left_out = _listed(arguments.recordings)
    output = _output(arguments, items)
    recognizer, adapted = _adapted(load_recognizer(arguments), arguments, items)
    seen = _Seen(keep_going=arguments.keep_going)
    alone = len(items) == 1
    with _seconds_read(shown=alone) as progress:
        found = outcomes(
            recognizer,
            items,
            channels=arguments.channels,
            shortest_stretch_s=arguments.min_length,
            jobs=1 if alone else arguments.jobs,
            progress=progress,
        )
        groups = seen.watched(found if alone else _files_done(found, len(items)))
        output.write(groups, adapted=adapted)
    seen.end()
    if left_out:
        endings = ", ".join(printable(it) or "without an ending" for it in sorted(left_out))
        count = left_out.total()
        _complain(f"{count} {'file' if count == 1 else 'files'} left out: {endings}", kind="note")
    return 1 if seen.failures else 0


def _listed(names: Iterable[str]) -> tuple[list[str | Outcome], Counter[str]]:
    """List what names stand for, in their order, and count the files that are no recordings by ending."""
    items: dict[str | Outcome, None] = {}
    left_out: set[str] = set()
    for name in dict.fromkeys(names):
        found = find([name], kept=STDIN)
        items.update(dict.fromkeys(found.files))
        items.update(dict.fromkeys(Outcome(name, None, problem) for problem in found.problems))
        left_out |= found.left_out
    answered = {os.path.abspath(it) for it in items if isinstance(it, str)}  # noqa: PTH100
    return list(items), by_ending(left_out - answered)


def _adapted(
    recognizer: Recognizer, arguments: argparse.Namespace, items: list[str | Outcome]
) -> tuple[Recognizer, dict[str, Any]]:
    """Adapt the recognizer where that is asked for; give what its JSON says of it as well."""
    if arguments.speaker is not None:
        path = profile_path(arguments.profiles, arguments.speaker)
        found = read_profile(path, recognizer.model)
    elif arguments.adapt:
        if STDIN in items:
            raise InputError("standard input can be read only once; give files to --adapt")
        found = recognizer.adaptation([it for it in items if isinstance(it, str)], jobs=arguments.jobs)
    else:
        return recognizer, {}
    if found.one_sided:
        _complain(ONE_SIDED, kind="warning")
    about = {"windows": found.windows, "one_sided": found.one_sided, "speaker": arguments.speaker}
    return recognizer.adapted(found), {"adapted": about}


@dataclass
class _Seen:
    """Names on standard error what is not answered, while the outcomes pass, and counts it.

    Attributes
    ----------
    keep_going : bool
        Whether a recording without speech is no failure.
    failures : int
        Number of outcomes that are failures.
    mixed : list of str
        Names of recordings whose channels differ and were mixed.
    """

    keep_going: bool
    failures: int = 0
    mixed: list[str] = field(default_factory=list)

    def watched(self, groups: Groups) -> Iterator[list[Outcome]]:
        for group in groups:
            for outcome in group:
                self._look_at(outcome)
            yield group

    def _look_at(self, outcome: Outcome) -> None:
        if isinstance(outcome.answer, Recognition):
            if outcome.answer.channels_differ:
                self.mixed.append(outcome.file)
        elif outcome.status == NO_SPEECH and self.keep_going:
            _complain(outcome.complaint(), kind="note")
        else:
            self.failures += 1
            _complain(outcome.complaint())

    def end(self) -> None:
        """Say of which recordings the channels were mixed though they differ."""
        if self.mixed:
            more = f" and {len(self.mixed) - 1} more" if len(self.mixed) > 1 else ""
            _complain(
                f"{self.mixed[0]}{more}: the channels differ, and their mean was answered; of two, "
                "--channels split answers each",
                kind="note",
            )


def _output(arguments: argparse.Namespace, items: list[str | Outcome]) -> Output:
    """Choose how to write; what cannot be is an error before the work."""
    if arguments.parquet and arguments.output:
        arguments.usage_error("argument -o: not allowed with --parquet, which names its file")
    output = Output(
        form=PARQUET if arguments.parquet else arguments.format or TABLE,
        path=arguments.parquet or arguments.output,
        timeline=arguments.timeline,
        keep_going=arguments.keep_going,
    )
    if problem := output.problem(items):
        arguments.usage_error(problem)
    output.check([it for it in items if isinstance(it, str)])
    return output


def _files_done(groups: Groups, total: int) -> Groups:
    # Imported here: one file needs none of it where standard error is no terminal.
    from tqdm import tqdm

    return tqdm(groups, total=total, unit="file", disable=None, file=sys.stderr, leave=False)


@contextmanager
def _seconds_read(*, shown: bool) -> Iterator[Progress | None]:
    """Show how much of one recording was read, in a terminal."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(bar_format="{desc} of sound read in {elapsed}", file=sys.stderr, leave=False) as bar:

        def read(seconds: float) -> None:
            bar.set_description_str(time_of(seconds), refresh=False)
            # Of a second channel it begins again.
            bar.update(seconds - bar.n)

        yield read


def _complain(problem: InputError | str, *, kind: str = "error") -> None:
    if sys.stderr.isatty():
        # Over the progress bar, if there is one.
        print("\r\033[K", end="", file=sys.stderr)
    print(f"{kind}: {printable(str(problem))}", file=sys.stderr, flush=True)
