"""The colours of the emotions: told apart by whoever sees no red, no green or no blue, and seen on the page.

References
----------
Machado GM, Oliveira MM, Fernandes LAF (2009). A physiologically-based model for simulation of color vision
deficiency. IEEE TVCG 15(6). (the matrices, of complete deficiency)
"""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ser import web
from ser.data.ravdess import EMOTIONS

Colour = npt.NDArray[np.float64]

SIGHT = {
    "trichromacy": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""What of linear red, green and blue is seen."""
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
LEAST_DISTANCE = 18.0
"""CIE76; 2.3 is just noticeable."""
THEMES = ["light", "dark"]


def palette(theme: str) -> dict[str, Colour]:
    """The custom properties that are colours, as linear red, green and blue."""
    text = (Path(web.__file__).parent / "page" / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", text, flags=re.DOTALL)
    assert len(blocks) == 2, "light and dark"
    found = [
        {name: linear(hexadecimal) for name, hexadecimal in re.findall(r"--([\w-]+): #(\w{6});", block)}
        for block in blocks
    ]
    return found[0] if theme == "light" else {**found[0], **found[1]}


def linear(hexadecimal: str) -> Colour:
    encoded = np.frombuffer(bytes.fromhex(hexadecimal), np.uint8) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def seen(colour: Colour, sight: str) -> Colour:
    """Lightness and two opponent colours (CIELAB) of linear red, green and blue."""
    relative = XYZ @ np.clip(SIGHT[sight] @ colour, 0, 1) / WHITE
    f = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: Colour, other: Colour) -> float:
    """As of WCAG 2."""
    darker, brighter = sorted((float(XYZ[1] @ one), float(XYZ[1] @ other)))
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_no_two_emotions_look_alike(theme: str, sight: str) -> None:
    colours = {it: seen(palette(theme)[it], sight) for it in EMOTIONS}
    for one, other in combinations(EMOTIONS, 2):
        assert np.linalg.norm(colours[one] - colours[other]) > LEAST_DISTANCE, (one, other)


@pytest.mark.parametrize("theme", THEMES)
def test_they_stand_out_and_words_on_them_can_be_read(theme: str) -> None:
    colours = palette(theme)
    for emotion in EMOTIONS:
        assert contrast(colours[emotion], colours["card"]) > 3, emotion
        assert contrast(colours[emotion], colours[f"on-{emotion}"]) > 4.5, emotion


PRINTED = [
    *(("ink", "paper"), ("ink", "card"), ("muted", "paper"), ("muted", "card")),
    *(("accent", "paper"), ("accent", "card"), ("on-accent", "accent"), ("warn-ink", "warn-paper")),
]


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read(theme: str) -> None:
    colours = palette(theme)
    for ink, paper in PRINTED:
        assert contrast(colours[ink], colours[paper]) > 4.5, (ink, paper)


def test_colours_that_are_known_to_be_confused_look_alike() -> None:
    red, green = linear("b00000"), linear("606000")
    distances = {it: np.linalg.norm(seen(red, it) - seen(green, it)) for it in SIGHT}
    assert distances["trichromacy"] > 60
    assert distances["deuteranopia"] < LEAST_DISTANCE
