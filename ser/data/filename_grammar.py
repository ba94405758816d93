"""Labels from a recording's file name, where a corpus writes them into names: a pattern and its codes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ser.data.ravdess import EMOTIONS
from ser.errors import InputError

Codes = Mapping[str, str]
"""The codes that a field of a name may have, and the meaning of each."""

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Utterance:
    """The labels in a recording's name.

    Attributes
    ----------
    clip : str
        Id of the recording, unique in its corpus.
    speaker : str
        The speaker by the corpus's own name, such as ``03``.
    emotion : str or None
        One of `ser.data.ravdess.EMOTIONS`; None where RAVDESS has no such emotion.
    label : str
        The emotion, or the corpus's name of one that is not shared, such as ``boredom``.
    details : dict of str to str
        The other fields of the name, such as sentence and intensity.
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
        The pattern in words, with an example, for error messages.
    emotions : dict of str to str
        The corpus's codes of emotions, and the emotion of `ser.data.ravdess.EMOTIONS` that each stands for.
    not_shared : dict of str to str
        Its codes of emotions that RAVDESS does not have, and the corpus's names of them.
    codes : dict of str to dict
        Codes of the other fields, by the field; one that is not named may hold whatever the pattern allows.
    rule : callable, optional
        From the fields to a message about what is wrong with them together, or None.
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
    """Make codes that stand for themselves."""
    return {code: code for code in codes}


def _listed(codes: Codes) -> str:
    names = [code or "nothing" for code in codes]
    return f"{names[0]} to {names[-1]}" if len(names) > _SHOWN else f"one of {', '.join(names)}"
