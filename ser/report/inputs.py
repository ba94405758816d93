"""Inputs of a report: JSON that is checked against a schema, and PNG figures. An error lists all problems."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from ser.errors import list_problems

Figures = Mapping[str, bytes]
"""PNG files by name, without their ending."""

Share = Annotated[float, Field(ge=0, le=1)]
Key = TypeVar("Key")
Value = TypeVar("Value")
Some = Annotated[dict[Key, Value], Field(min_length=1)]
"""A mapping that is not empty."""


@dataclass(frozen=True)
class Headline:
    """A model's row in ``summary.json``, scores from 0 to 1."""

    uar: Share
    uar_low: Share
    uar_high: Share
    accuracy: Share
    macro_f1: Share


Summary = dict[str, Some[str, Headline]]
"""The content of ``summary.json``: by protocol and model."""


def read_checked(schemas: Mapping[str, Any]) -> tuple[list[Any], list[str]]:
    """Read JSON files and check them against their schemas.

    Parameters
    ----------
    schemas
        By path of the file, a type of which pydantic can make a validator.

    Returns
    -------
    contents : list
        Contents of the files that are valid, in their order.
    problems : list of str
        A line for each thing that is missing or wrong, which begins with the file's path.
    """
    contents: list[Any] = []
    problems: list[str] = []
    for path, schema in schemas.items():
        try:
            contents.append(TypeAdapter(schema).validate_json(Path(path).read_bytes()))
        except OSError as error:
            problems.append(f"{path}: cannot be read ({error.strerror})")
        except ValidationError as error:
            places = [".".join(map(str, each["loc"])) + ": " + each["msg"] for each in error.errors()]
            problems += [f"{path}: {place.removeprefix(': ')}" for place in places]
    return contents, problems


def read_metrics(schemas: Mapping[str, Any], *, run: str) -> list[Any]:
    """Read JSON files that are all needed, and hold them to their schemas.

    Parameters
    ----------
    schemas
        As of `read_checked`.
    run
        What writes the files, for the message: it says to run that.

    Raises
    ------
    ser.errors.InputError
        Where files are missing or wrong; names all of them.
    """
    contents, problems = read_checked(schemas)
    if problems:
        raise list_problems(f"run {run} again", problems)
    return contents


def read_figures(folder: Path | str, *, required: Iterable[str], run: str) -> Figures:
    """Read all PNG files of a folder, sorted by name.

    Parameters
    ----------
    folder
        Folder with PNG files, of which none below it counts.
    required
        Names, without ending, that must be there.
    run
        Name of the stage that draws them, for the error's advice.

    Raises
    ------
    ser.errors.InputError
        Where figures are missing, unreadable or no PNG; names all of them.
    """
    paths = {path.stem: path for path in sorted(Path(folder).glob("*.png"))}
    problems = [f"{Path(folder) / name}.png: no such file" for name in required if name not in paths]
    figures = {}
    for name, path in paths.items():
        try:
            figures[name] = path.read_bytes()
        except OSError as error:
            problems.append(f"{path}: cannot be read ({error.strerror})")
            continue
        if figures[name][:8] != b"\x89PNG\r\n\x1a\n" or len(figures[name]) < 24:
            problems.append(f"{path}: no PNG")
    if problems:
        raise list_problems(f"{folder}: run {run} again", problems)
    return figures
