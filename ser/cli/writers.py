"""What `ser predict` writes, format by format, while the answers come."""

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ser.audio.paths import ENDINGS, printable
from ser.cli import annotations
from ser.cli.extras import needs
from ser.cli.outcomes import STDIN, STDIN_NAME, Outcome
from ser.cli.plain_text import lines_of
from ser.complete_files import appearing, naming
from ser.errors import InputError
from ser.recognizer.judging import Recognition
from ser.recognizer.rows import COLUMNS, ERROR, OK, as_text, row_without_answer, rows_of

TABLE, JSON, CSV, PARQUET = "table", "json", "csv", "parquet"
FORMATS = (TABLE, JSON, CSV, PARQUET, *annotations.WRITERS)
"""The formats by their names."""
Groups = Iterable[list[Outcome]]
"""What became of each recording, one by one."""


@dataclass(frozen=True)
class Output:
    """Where answers are written, and how.

    Attributes
    ----------
    form : str
        Name of the format, one of `FORMATS`.
    path : Path or None
        File, or folder for a file of each recording; None for standard output.
    timeline : bool
        Whether a table has all stretches of a long recording.
    keep_going : bool
        Whether tables and JSON name recordings without an answer as well; CSV and Parquet always do.
    """

    form: str
    path: Path | None = None
    timeline: bool = False
    keep_going: bool = False

    @property
    def a_file_each(self) -> bool:
        """Whether each recording gets a file of its own."""
        return self._of_one and self.path is not None and self.path.is_dir()

    @property
    def _of_one(self) -> bool:
        return self.form in annotations.WRITERS and self.form not in annotations.SEVERAL

    def problem(self, items: Sequence[str | Outcome]) -> str | None:
        """Say why these recordings cannot be written like this, if the command was called wrongly."""
        if self.form == PARQUET and self.path is None:
            return "--format parquet needs -o FILE"
        if self._of_one and len(items) > 1 and not self.a_file_each:
            return (
                f"a file of --format {self.form} is of one recording, but these are {len(items)}; give -o a "
                "folder that is there"
            )
        return None

    def check(self, files: Sequence[str]) -> None:
        """Refuse to write over a recording: `--parquet a.wav b.wav` takes the first of them for its file.

        Raises
        ------
        InputError
            Where a file to write is a recording, or two recordings could not be told apart in it.
        """
        if self.form in annotations.WRITERS:
            name_of = annotations.rttm_name if self.form in annotations.SEVERAL else _stem
            names = Counter(name_of(STDIN_NAME if file == STDIN else file) for file in files)
            if twice := [it for it, count in names.items() if count > 1]:
                raise InputError(
                    f"{twice[0]}: two recordings have this name, by which {self.form} tells them; give "
                    "one at a time"
                )
        if self.path is None:
            return
        paths = [self._path_of(file) for file in files] if self.a_file_each else [self.path]
        for path in paths:
            if path.suffix.lower() in ENDINGS or _is_one_of(path, files):
                raise InputError(f"{path}: is a recording, and would be lost; give another file to write")

    def write(self, groups: Groups, *, adapted: Mapping[str, Any]) -> None:
        """Write what becomes of all recordings, one after the other.

        Parameters
        ----------
        groups
            The outcomes of each recording; they are asked for while they are written.
        adapted
            What JSON says of an adaptation.
        """
        if self.a_file_each:
            for group in groups:
                _write_annotations([group], self._path_of(group[0].file), annotations.WRITERS[self.form])
        elif self.form in annotations.WRITERS:
            _write_annotations(groups, self.path, annotations.WRITERS[self.form])
        elif self.form == PARQUET:
            assert self.path is not None
            _write_parquet(groups, self.path)
        else:
            with _opened(self.path) as out:
                if self.form == CSV:
                    _write_csv(groups, out)
                elif self.form == JSON:
                    _write_json(groups, out, adapted=adapted, all_named=self.keep_going)
                else:
                    _write_table(groups, out, timeline=self.timeline, all_named=self.keep_going)

    def _path_of(self, file: str) -> Path:
        assert self.path is not None
        return self.path / f"{_stem(file)}{annotations.ENDINGS[self.form]}"


def _stem(file: str) -> str:
    return STDIN_NAME if file == STDIN else Path(file).stem


def _is_one_of(path: Path, files: Iterable[str]) -> bool:
    return path.exists() and any(file != STDIN and _same(path, file) for file in files)


def _same(path: Path, file: str) -> bool:
    try:
        return path.samefile(file)
    except OSError:
        # Gone since: named when it is opened.
        return False


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO]:
    """Open standard output, or a file that appears once it is complete."""
    if path is None:
        yield sys.stdout
        return
    with appearing(path) as temporary:
        with naming(path):
            file = temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        with file:
            yield file


def _write_table(groups: Groups, out: TextIO, *, timeline: bool, all_named: bool) -> None:
    for group in groups:
        for outcome in group:
            if isinstance(outcome.answer, Recognition):
                for line in lines_of(outcome.answer, timeline=timeline):
                    print(line, file=out)
            elif all_named:
                channel = f"{outcome.channel} channel: " if outcome.channel else ""
                what = "not answered" if outcome.status == ERROR else "no speech"
                print(f"{printable(outcome.file)}  {channel}{what}", file=out)
        out.flush()


def _write_json(groups: Groups, out: TextIO, *, adapted: Mapping[str, Any], all_named: bool) -> None:
    for group in groups:
        for outcome in group:
            if isinstance(outcome.answer, Recognition):
                content = {**outcome.answer.as_dict(), **adapted, "status": OK}
            elif all_named:
                about = {"file": outcome.file, "channel": outcome.channel, "emotion": None}
                content = {**about, "status": outcome.status, "reason": outcome.reason}
            else:
                continue
            # A name that cannot be printed is escaped, so that it can be read back.
            unprintable = printable(outcome.file) != outcome.file
            print(json.dumps(content, ensure_ascii=unprintable), file=out, flush=True)


def _rows(group: Iterable[Outcome]) -> Iterator[tuple[Any, ...]]:
    for it in group:
        if isinstance(it.answer, Recognition):
            yield from rows_of(it.answer)
        else:
            yield row_without_answer(it.file, it.channel, status=it.status, reason=it.reason)


def _write_csv(groups: Groups, out: TextIO) -> None:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for group in groups:
        writer.writerows(map(as_text, _rows(group)))
        out.flush()


def _write_parquet(groups: Groups, path: Path) -> None:
    # Imported here: it takes most of a second, and only this needs it.
    with needs("parquet"):
        from ser.cli.row_groups import writing

    # Opened before the first result is asked for: hours of work must not end at a folder that is not there.
    with writing(path, COLUMNS) as write:
        for group in groups:
            write(_rows(group))


def _write_annotations(groups: Groups, path: Path | None, text_of: annotations.Writer) -> None:
    heard = False
    with suppress(_NothingHeardError), _opened(path) as out:
        for group in groups:
            # Where nobody speaks the track is empty: what an older file says would pass for this answer.
            if any(it.status != ERROR for it in group):
                heard = True
                out.write(text_of([it.answer for it in group if isinstance(it.answer, Recognition)]))
                out.flush()
        if not heard:
            raise _NothingHeardError


class _NothingHeardError(Exception):
    """Ends the writing of a file about what could not be read: an empty one would say that nobody speaks."""
