"""Which channels of a recording are answered: their mean, or one or two of them, each by itself."""

from ser.audio.stream import Source, open_sound
from ser.errors import InputError

NAMES = LEFT, RIGHT = "left", "right"
"""The channels that can be named, in the order in which a recording has them."""
MIX, SPLIT = "mix", "split"
CHOICES = MIX, LEFT, RIGHT, SPLIT
"""What a user can choose: the mean of all channels, one channel, or two, each answered."""


def index_of(channel: str | None) -> int | None:
    """Give the place of a channel, one of `NAMES`, counted from 0; None for the mean of all.

    Raises
    ------
    InputError
        Where it has another name.
    """
    if channel is None:
        return None
    if channel not in NAMES:
        raise InputError(f"channel {channel!r}: must be {' or '.join(NAMES)}, or none for the mean of all")
    return NAMES.index(channel)


def chosen(source: Source, choice: str, *, name: str | None = None) -> tuple[str | None, ...]:
    """Find the channels of a recording that are to be answered.

    Parameters
    ----------
    source
        A file, or an open binary stream that can be read again from its beginning.
    choice
        Which of them, one of `CHOICES`.
    name
        Name of a stream in errors.

    Returns
    -------
    tuple of str or None
        Channels as of `Recognizer.predict`, None for the mean; a recording of one channel has no other.

    Raises
    ------
    InputError
        Where it cannot be read, or is to be split and has more than two channels.
    """
    if choice == MIX:
        return (None,)
    with open_sound(source, name=name) as sound:
        return chosen_of(sound.channels, choice, name=sound.name)


def chosen_of(channels: int, choice: str, *, name: str) -> tuple[str | None, ...]:
    """Find the same of a recording whose number of channels is known.

    Parameters
    ----------
    channels
        How many channels the recording has.
    choice, name
        As of `chosen`.

    Raises
    ------
    InputError
        Where it is to be split and has more than two channels.
    """
    if choice == MIX or channels == 1:
        return (None,)
    if choice != SPLIT:
        return (choice,)
    if channels > len(NAMES):
        raise InputError(f"{name}: {channels} channels, but two can be split; choose mix, left or right")
    return NAMES
