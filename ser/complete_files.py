"""Files that appear under their name only when complete; unlike `ser.files` without pandas."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ser.errors import InputError


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Give a temporary sibling of `path` to write to; it gets that name only where all went well.

    Parameters
    ----------
    path
        File to write. Its folder is made if it is missing.

    Yields
    ------
    Path
        A path in the same folder, with the same ending; an error leaves what was under the final name.

    Raises
    ------
    InputError
        Where it cannot be written: at once if that can be known.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: not a file, so that it cannot be written; give another name")
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch()
    try:
        yield temporary
        with naming(path):
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in what goes wrong with writing it.

    Raises
    ------
    InputError
        For an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
