"""Packages that only some commands need: what is missing is one line that says how to install it."""

from collections.abc import Iterator
from contextlib import contextmanager

from ser.errors import InputError


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import packages of an extra within it.

    Parameters
    ----------
    extra
        Name of the extra in pyproject.toml, such as ``parquet``.

    Raises
    ------
    InputError
        Where a package is not installed.

    Examples
    --------
    >>> with needs("parquet"):
    ...     import no_such_package
    Traceback (most recent call last):
    ser.errors.InputError: the package no_such_package is missing: pip install "ravdess-ser[parquet]"
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or str(error)).partition(".")[0]
        if package == "ser":
            # A fault of the program, not of how it was installed.
            raise
        raise InputError(f'the package {package} is missing: pip install "ravdess-ser[{extra}]"') from error
