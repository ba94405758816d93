"""Answers as people read them in a terminal: a line for a short recording, some lines for a long one."""

from collections import Counter
from collections.abc import Iterator

from ser.audio.paths import printable
from ser.data.ravdess import EMOTIONS
from ser.recognizer.certainty import NOT_SURE
from ser.recognizer.judging import Recognition
from ser.recognizer.reasons import SOUND, in_words
from ser.recognizer.stretches import TimelineSummary

COURSE_COLUMNS = 60
"""Largest number of equal parts of a long recording, each shown as a letter."""
LETTERS = {emotion: emotion[0] for emotion in EMOTIONS} | {"surprised": "u", NOT_SURE: "?"}
"""What stands for the answers; where nobody speaks, a dot does."""
SHOWN_CHANGES = 5
"""Largest number of changes of a long recording that are printed: those to the longest speech."""


def lines_of(result: Recognition, *, timeline: bool) -> Iterator[str]:
    """Write an answer.

    Parameters
    ----------
    result
        The answer for a recording, or for one of its channels.
    timeline
        Whether every stretch of a long recording is shown, not only the summary.
    """
    channel = f"{result.channel} channel: " if result.channel else ""
    if (summary := result.summary) is None:
        yield f"{printable(result.source)}  {channel}{_answer(result)}"
        return
    faults = in_words([it for it in result.reasons if it in SOUND])
    about = f"{time_of(summary.speech_s)} of speech in {time_of(result.duration_s)}"
    yield f"{printable(result.source)}  {channel}{about}{f' ({faults})' if faults else ''}"
    yield from _summary(summary)
    yield from _course(result)
    if timeline:
        for start_s, end_s, answer in sorted(_timeline(result)):
            yield f"  {_clock(start_s)} to {_clock(end_s)}  {answer}"
    else:
        count = len(result.stretches)
        yield f"  timeline        {count} {'stretch' if count == 1 else 'stretches'}: --timeline prints them"


def _answer(result: Recognition) -> str:
    ranked = sorted(result.probabilities.items(), key=lambda it: -it[1])
    answer = f"{result.emotion} {result.confidence:.0%}, then {ranked[1][0]} {ranked[1][1]:.0%}"
    if result.uncertain:
        answer = ", ".join(f"{emotion} {share:.0%}" for emotion, share in ranked[:3])
    reasons = f" ({in_words(result.reasons)})" if result.reasons else ""
    return f"{result.certainty}: {answer}{reasons}"


def _summary(summary: TimelineSummary) -> Iterator[str]:
    ranked = sorted(summary.shares.items(), key=lambda it: -it[1])
    shares = [f"{emotion} {share:.0%}" for emotion, share in ranked if share]
    if summary.not_sure:
        shares.append(f"{NOT_SURE} {summary.not_sure:.0%}")
    yield f"  speech time     {', '.join(shares)}"
    heading = "most confident"
    for it in summary.most_confident:
        span = f"{time_of(it.start_s)} to {time_of(it.end_s)}"
        yield f"  {heading:14}  {span:16}  {it.emotion:9}  {it.confidence:4.0%}  {it.certainty}"
        heading = ""
    if summary.changes:
        longest = sorted(summary.changes, key=lambda it: -it.speech_s)[:SHOWN_CHANGES]
        shown = [f"{time_of(it.at_s)} {it.after}" for it in sorted(longest, key=lambda it: it.at_s)]
        count = len(summary.changes)
        which = "" if count == len(shown) else ", held longest"
        yield f"  {'changes':14}  {count}{which}: {', '.join(shown)}"


def _course(result: Recognition) -> Iterator[str]:
    """Draw the whole recording in a line: of each part, the answer for most of its speech."""
    first = result.segments[0]
    columns = min(COURSE_COLUMNS, round(result.duration_s / (first.end_s - first.start_s)))
    width_s = result.duration_s / columns
    parts: list[Counter[str]] = [Counter() for _ in range(columns)]
    for it in result.segments:
        # A segment counts where its middle is.
        place = min(int((it.start_s + it.end_s) / 2 / width_s), columns - 1)
        parts[place][NOT_SURE if it.uncertain else it.emotion] += 1
    labels = [part.most_common(1)[0][0] if part else None for part in parts]
    scale = f"{width_s:.0f}" if width_s >= 10 else f"{width_s:.1f}"
    course = "".join("." if it is None else LETTERS[it] for it in labels)
    yield f"  {'course':14}  {course}  {scale} s a letter"
    legend = [f"{letter} {label}" for label, letter in LETTERS.items() if label in labels]
    if None in labels:
        legend.append(". no speech")
    yield f"  {'':14}  {', '.join(legend)}"


def _timeline(result: Recognition) -> Iterator[tuple[float, float, str]]:
    """Give start, end and answer of the stretches of a long recording, and of those without speech."""
    for it in result.stretches:
        label, word = (NOT_SURE, "") if it.uncertain else (it.emotion, f"  {it.certainty}")
        yield it.start_s, it.end_s, f"{label:9}  {it.confidence:4.0%}{word}"
    for start_s, end_s in result.no_speech:
        yield start_s, end_s, "no speech"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes) // 60}:{int(minutes) % 60:02d}:{rest:04.1f}"


def time_of(seconds: float) -> str:
    """Write minutes and seconds, and hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
