"""What one upload, and all of them together, may take from the machine that serves."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Beyond these, a request is refused with a message that says which it was.

    Attributes
    ----------
    largest_bytes : int
        Size of the largest upload, in bytes.
    longest_s : float
        Length of the longest recording, in seconds; a small FLAC file can hold days of silence.
    upload_s, pause_s : float
        Time in which an upload must be complete, and the next piece of it arrive, in seconds.
    slowest_bytes_s : float
        Least average speed of an upload once `pause_s` are over, in bytes a second.
    uploading : int
        Largest number of uploads that are received in parallel.
    at_once : int
        Largest number of recordings that are recognised in parallel.
    waiting : int
        Largest number of further recordings that wait.
    """

    largest_bytes: int = 200_000_000
    longest_s: float = 4 * 3600.0
    upload_s: float = 300.0
    pause_s: float = 15.0
    slowest_bytes_s: float = 8_000.0
    uploading: int = 64
    at_once: int = 2
    waiting: int = 30
