"""What a recording's file name says, where a corpus writes labels into names: a pattern and its codes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ser.data.ravdess import EMOTIONS
from ser.errors import InputError

Codes = Mapping[str, str]
"""What a field of a name may be, and what that means."""

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a recording's name says.

    Attributes
    ----------
    clip : str
        Its id, of which a corpus has no two.
    speaker : str
        Who speaks, by the corpus's own name, such as ``03``.
    emotion : str or None
        One of `ser.data.ravdess.EMOTIONS`; None where RAVDESS has no such emotion.
    label : str
        The emotion, or what the corpus calls one that is not shared, such as ``boredom``.
    details : dict
        Whatever else the name tells, such as sentence and intensity.
    """

    clip: str
    speaker: str
    emotion: str | None
    label: str
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grammar:
    """How a corpus names its recordings.

    Attributes
    ----------
    pattern : str
        Regular expression of the whole name, without its ending, with the groups ``speaker`` and ``emotion``
        and one for each other field.
    form : str
        The same for people, with an example.
    emotions : dict
        The corpus's codes of emotions, and the emotions of `ser.data.ravdess.EMOTIONS` that they mean.
    not_shared : dict
        Its codes of emotions that RAVDESS does not have, and what the corpus calls them.
    codes : dict
        What other fields may be; a field that is not named here is whatever the pattern lets through.
    rule : callable, optional
        From the fields to what is wrong with them together, or None.
    """

    pattern: str
    form: str
    emotions: Codes
    not_shared: Codes = field(default_factory=dict)
    codes: Mapping[str, Codes] = field(default_factory=dict)
    rule: Callable[[Mapping[str, str]], str | None] = lambda _: None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.emotions.values()) - set(EMOTIONS))
        if unknown:
            raise ValueError(f"emotions must be of {', '.join(EMOTIONS)}, got {', '.join(unknown)}")

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, flags=re.ASCII)

    def parse(self, name: str) -> Utterance:
        """Read a name without its ending.

        Raises
        ------
        InputError
            Where the name breaks the grammar; the message says how.
        """
        match = self._compiled.fullmatch(name)
        if not match:
            raise InputError(f"{name}: must be {self.form}")
        fields = match.groupdict(default="")
        for key, codes in {"emotion": {**self.emotions, **self.not_shared}, **self.codes}.items():
            if fields[key] not in codes:
                raise InputError(f"{name}: {key} is {fields[key]}, but must be {_listed(codes)}")
        wrong = self.rule(fields)
        if wrong:
            raise InputError(f"{name}: {wrong}")
        meant = {key: self.codes.get(key, {}).get(value, value) for key, value in fields.items()}
        code = fields["emotion"]
        return Utterance(
            clip=name,
            speaker=meant["speaker"],
            emotion=self.emotions.get(code),
            label=self.emotions.get(code) or self.not_shared[code],
            details={key: value for key, value in meant.items() if key not in ("speaker", "emotion")},
        )


def same(*codes: str) -> dict[str, str]:
    """Codes that mean themselves."""
    return {code: code for code in codes}


def _listed(codes: Codes) -> str:
    names = [code or "nothing" for code in codes]
    return f"{names[0]} to {names[-1]}" if len(names) > _SHOWN else f"one of {', '.join(names)}"
