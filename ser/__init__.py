"""Speech emotion recognition on RAVDESS: the library behind the stages, and the recognizer that it trains.

>>> from ser import Recognizer                                     # doctest: +SKIP
>>> Recognizer.load().predict("recording.wav").emotion             # doctest: +SKIP
'happy'
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ser.errors import InputError
    from ser.recognizer import Recognition, Recognizer, Segment

__all__ = ["InputError", "Recognition", "Recognizer", "Segment"]


def __getattr__(name: str) -> object:
    # Loaded when asked for: a stage that imports a module of this package needs none of it.
    if name == "InputError":
        from ser.errors import InputError

        return InputError
    if name in __all__:
        from ser import recognizer

        return getattr(recognizer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
