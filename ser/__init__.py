"""Speech emotion recognition on RAVDESS: the library behind the stages, and the recognizer that it trains.

>>> from ser import Recognizer
>>> from ser.data.synthetic import synthesize
>>> voice = synthesize("03-01-05-02-01-01-12")
>>> result = Recognizer.load().predict(voice, sample_rate=48_000)
>>> result.emotion, result.certainty         # synthetic speech of less than a second
('angry', 'not sure')
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ser.errors import InputError, NoSpeechError
    from ser.recognizer.judging import Recognition
    from ser.recognizer.recognizer import Recognizer
    from ser.recognizer.segment import Segment

__all__ = ["InputError", "NoSpeechError", "Recognition", "Recognizer", "Segment"]


def __getattr__(name: str) -> object:
    # Loaded when asked for: a stage that imports a module of this package needs none of it.
    if name in ("InputError", "NoSpeechError"):
        from ser import errors

        return getattr(errors, name)
    if name == "Recognition":
        from ser.recognizer.judging import Recognition

        return Recognition
    if name == "Segment":
        from ser.recognizer.segment import Segment

        return Segment
    if name == "Recognizer":
        from ser.recognizer.recognizer import Recognizer

        return Recognizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
