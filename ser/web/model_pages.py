"""What the server knows of its model, and the licences, as pages of its bundle and of the package's files."""

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from typing import Any

from ser.recognizer.reasons import IN_WORDS
from ser.recognizer.recognizer import Recognizer
from ser.web.html_text import code, heading, page, paragraph, table

USE = (
    "The answers are about how speech sounds, learned from actors. They say nothing about what a person "
    "feels. Do not use them for decisions about people: no hiring, policing, medical or educational use."
)
LICENCES = {
    "The weights": "bundle/LICENSE-weights.txt",
    "The encoder, Whisper": "encoder/LICENSE-whisper.txt",
    "The detector of speech, Silero VAD": "silero/LICENSE-silero.txt",
}
"""Files of the package, each with what it is the licence of."""

_MEASURED = {
    "ravdess": "RAVDESS, speakers left out of training",
    "ravdess_corrupted": "the same with noise, over telephones, in rooms",
    "nemo_speakers": "nEMO (Polish), speakers left out of training",
    "nemo": "nEMO, left out of training",
    "emodb": "EMO-DB (German), left out of training",
}


def model_page(recognizer: Recognizer) -> str:
    """Make a page of the model's training, scores and thresholds, as its bundle has them."""
    return page("The model", _about_model(recognizer))


def _about_model(recognizer: Recognizer) -> Iterator[str]:
    about = recognizer.model.about
    yield heading("Use")
    yield paragraph(USE)
    if recordings := _part(about, "training").get("recordings"):
        yield heading("Training")
        yield paragraph(f"Version {recognizer.bundle.version}. Trained on {recordings}.")
    if expected := _part(about, "expected"):
        yield heading("Expected score")
        yield paragraph(f"UAR, the mean over the emotions of how many are recognised. {_what(expected)}")
        yield table(("Recordings", "UAR", "95 % interval", "Recordings tested"), _scores(expected))
    if certainty := _part(about, "certainty"):
        yield heading("Sure, likely, not sure")
        yield paragraph(_what(certainty))
        words = ("sure", "likely", "not sure")
        columns = [f"{word}: {kind}" for word in words for kind in ("share", "right")]
        yield table(("Recordings", *columns), _by_word(certainty, words))
    yield heading("Reasons against an answer")
    yield table(("Reason", "In words"), IN_WORDS.items())


def _part(about: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Give a part of what a bundle says; a user's own need not say it, nor in this form."""
    part = about.get(key)
    return part if isinstance(part, Mapping) else {}


def _what(part: Mapping[str, Any]) -> str:
    text = str(part.get("what", ""))
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _scores(expected: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    scored = {"ravdess": expected, "ravdess_corrupted": expected.get("corrupted")}
    elsewhere = dict(_part(expected, "elsewhere"))
    # Of its speakers, each is left out in turn.
    scored["nemo_speakers"] = elsewhere.pop("nemo", None)
    for corpus, it in {**scored, **elsewhere}.items():
        if isinstance(it, Mapping) and "uar" in it:
            bounds = [_percent(it[key]) for key in ("uar_low", "uar_high") if key in it]
            interval = " to ".join(bounds) if len(bounds) == 2 else ""
            yield _MEASURED.get(corpus, corpus), _percent(it["uar"]), interval, str(it.get("n", ""))


def _by_word(certainty: Mapping[str, Any], words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for corpus, it in certainty.items():
        if isinstance(it, Mapping):
            kinds = "share", "accuracy"
            cells = (_percent(_part(it, word).get(kind)) for word in words for kind in kinds)
            yield _MEASURED.get(corpus, corpus), *cells


def _percent(share: Any) -> str:
    return f"{share:.1%}".replace("%", "\N{NO-BREAK SPACE}%") if isinstance(share, int | float) else ""


def licences_page(recognizer: Recognizer) -> str:
    """Make a page of the licences of code, weights, encoder and detector of speech."""
    return page("Licences", _licences(recognizer))


def _licences(recognizer: Recognizer) -> Iterator[str]:
    if terms := _part(recognizer.model.about, "licence"):
        yield table(("Of", "Licence"), ((of, str(it)) for of, it in terms.items()))
    if text := _code_licence():
        yield heading("The code")
        yield code(text)
    for title, name in LICENCES.items():
        yield heading(title)
        yield code(files("ser").joinpath(name).read_text(encoding="utf-8"))


def _code_licence() -> str | None:
    """Read the licence of the code, which pip installs beside the package; None where it did not."""
    try:
        return distribution("ravdess-ser").read_text("licenses/LICENSE")
    except PackageNotFoundError:
        return None
