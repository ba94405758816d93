"""Answers as subtitles and labels of programs for speech: SubRip, WebVTT, Audacity, RTTM and ELAN.

Each function writes what one recording's answers come to: one, or one for each of its channels; none where
nobody speaks.

References
----------
W3C (2019). WebVTT: the web video text tracks format. https://www.w3.org/TR/webvtt1/
NIST (2009). The 2009 (RT-09) rich transcription meeting recognition evaluation plan, appendix A: RTTM.
Max Planck Institute for Psycholinguistics (2017). EAF, the ELAN annotation format, version 3.0.
"""

import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

from ser.audio.paths import printable
from ser.recognizer.certainty import NOT_SURE
from ser.recognizer.channels import NAMES
from ser.recognizer.judging import Recognition
from ser.recognizer.stretches import Stretch

_ELAN_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"


class Writer(Protocol):
    """Writes the answers for one recording."""

    def __call__(self, answers: Sequence[Recognition]) -> str:
        """Give the content of a file, with a line break at its end."""


def srt(answers: Sequence[Recognition]) -> str:
    """Write SubRip subtitles."""
    blocks = []
    for number, (channel, stretch) in enumerate(_in_order(answers), start=1):
        start, end = (_clock(it, decimal=",") for it in (stretch.start_s, stretch.end_s))
        blocks.append(f"{number}\n{start} --> {end}\n{_labelled(channel, _words(stretch))}\n")
    return "\n".join(blocks)


def vtt(answers: Sequence[Recognition]) -> str:
    """Write WebVTT subtitles, with a channel as a voice."""
    blocks = ["WEBVTT\n"]
    for channel, stretch in _in_order(answers):
        start, end = (_clock(it, decimal=".") for it in (stretch.start_s, stretch.end_s))
        voice = f"<v {channel}>" if channel else ""
        blocks.append(f"{start} --> {end}\n{voice}{_words(stretch)}\n")
    return "\n".join(blocks)


def audacity(answers: Sequence[Recognition]) -> str:
    """Write a label track of Audacity: start, end and text, with tabs between them."""
    return "".join(
        f"{stretch.start_s:.6f}\t{stretch.end_s:.6f}\t{_labelled(channel, _words(stretch))}\n"
        for channel, stretch in _in_order(answers)
    )


def rttm(answers: Sequence[Recognition]) -> str:
    """Write rich transcription time marks, with the emotion as the label and the confidence beside it."""
    lines = []
    for channel, stretch in _in_order(answers):
        file = rttm_name(answers[0].source)
        place = 1 if channel is None else 1 + NAMES.index(channel)
        span = f"{stretch.start_s:.3f} {stretch.duration_s:.3f}"
        label = "not_sure" if stretch.uncertain else stretch.emotion
        lines.append(f"SPEAKER {file} {place} {span} <NA> <NA> {label} {stretch.confidence:.3f} <NA>\n")
    return "".join(lines)


def rttm_name(source: str) -> str:
    """Give the name by which RTTM tells a recording: without blanks, at which a field ends."""
    return re.sub(r"\s", "_", printable(Path(source).stem))


def elan(answers: Sequence[Recognition]) -> str:
    """Write an ELAN document, with two tiers a channel: the emotion, and how sure the answer is."""
    document = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {
            # The document has to have a date; the same answers make the same file.
            **{
                "AUTHOR": "ravdess-ser",
                "DATE": "1970-01-01T00:00:00+00:00",
                "FORMAT": "3.0",
                "VERSION": "3.0",
            },
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": _ELAN_SCHEMA,
        },
    )
    header = ElementTree.SubElement(document, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    media = Path(answers[0].source) if answers else None
    if media is not None and media.is_file():
        kind, _ = mimetypes.guess_type(media.name)
        about = {"MEDIA_URL": printable(media.absolute().as_uri()), "MIME_TYPE": kind or "unknown"}
        ElementTree.SubElement(header, "MEDIA_DESCRIPTOR", about)
    order = ElementTree.SubElement(document, "TIME_ORDER")
    slots: list[tuple[int, str]] = []
    for answer in answers:
        of_channel = f" {answer.channel}" if answer.channel else ""
        for name, text_of in (("emotion", _emotion), ("certainty", _certainty)):
            tier = ElementTree.SubElement(
                document, "TIER", LINGUISTIC_TYPE_REF="default-lt", TIER_ID=f"{name}{of_channel}"
            )
            for stretch in answer.all_stretches:
                slots += _annotate(tier, stretch, text_of(stretch), number=1 + len(slots) // 2)
    for milliseconds, identifier in sorted(slots):
        ElementTree.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=identifier, TIME_VALUE=str(milliseconds))
    types = {"LINGUISTIC_TYPE_ID": "default-lt", "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"}
    ElementTree.SubElement(document, "LINGUISTIC_TYPE", types)
    ElementTree.indent(document, " ")
    return ElementTree.tostring(document, encoding="unicode", xml_declaration=True) + "\n"


WRITERS: Mapping[str, Writer] = {"srt": srt, "vtt": vtt, "audacity": audacity, "rttm": rttm, "elan": elan}
"""The writers by the names of their formats."""
ENDINGS = {"srt": ".srt", "vtt": ".vtt", "audacity": ".labels.txt", "rttm": ".rttm", "elan": ".eaf"}
"""How the names of their files end; a .txt alone beside a recording is often its transcript."""
SEVERAL = ("rttm",)
"""Formats of which one file may be about several recordings."""


def _in_order(answers: Iterable[Recognition]) -> list[tuple[str | None, Stretch]]:
    """Give the stretches of all channels, by their start."""
    found = [(answer.channel, stretch) for answer in answers for stretch in answer.all_stretches]
    return sorted(found, key=lambda it: (it[1].start_s, it[0] or ""))


def _emotion(stretch: Stretch) -> str:
    return NOT_SURE if stretch.uncertain else stretch.emotion


def _certainty(stretch: Stretch) -> str:
    return f"{stretch.certainty} {stretch.confidence:.0%}"


def _words(stretch: Stretch) -> str:
    return NOT_SURE if stretch.uncertain else f"{stretch.emotion} {stretch.confidence:.0%}"


def _labelled(channel: str | None, text: str) -> str:
    return f"{channel}: {text}" if channel else text


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def _clock(seconds: float, *, decimal: str) -> str:
    whole, milliseconds = divmod(_milliseconds(seconds), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{decimal}{milliseconds:03d}"


def _annotate(
    tier: ElementTree.Element, stretch: Stretch, text: str, *, number: int
) -> list[tuple[int, str]]:
    """Add an annotation with time slots of its own: ELAN moves together what shares one."""
    slots = [
        (_milliseconds(at), f"ts{2 * number - 1 + place}")
        for place, at in enumerate((stretch.start_s, stretch.end_s))
    ]
    about = {f"TIME_SLOT_REF{place}": identifier for place, (_, identifier) in enumerate(slots, start=1)}
    annotation = ElementTree.SubElement(tier, "ANNOTATION")
    alignable = ElementTree.SubElement(
        annotation, "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": f"a{number}", **about}
    )
    ElementTree.SubElement(alignable, "ANNOTATION_VALUE").text = text
    return slots
