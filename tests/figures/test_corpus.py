"""The exploratory figures show what the clip table and the recordings hold, and look the same everywhere."""

from pathlib import Path

import librosa
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from ser.audio import clip_io as audio
from ser.data.ravdess import EMOTIONS, SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.errors import InputError
from ser.figures import corpus as corpus_figures
from ser.figures.style import EMOTION_COLOURS, save
from ser.params import ArticleMel

MEL = ArticleMel(
    sample_rate=44_100, n_fft=2048, hop_length=512, n_mels=128, fmin=0.0, fmax=8000.0, top_db=80.0
)
PEAK = {emotion: 0.1 + 0.1 * number for number, emotion in enumerate(EMOTIONS)}
TONE_HZ = 1000


def corpus() -> pd.DataFrame:
    """The labels of all clips, with measurements drawn at random."""
    clips = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])
    draw = np.random.default_rng(0)
    return clips.assign(
        path="",
        sample_rate=SAMPLE_RATE,
        duration_s=draw.uniform(3, 5, len(clips)),
        rms_dbfs=draw.uniform(-60, -20, len(clips)),
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The examples of `corpus`, each with half a second of a tone whose peak tells the emotion."""
    examples = corpus_figures.example_clips(corpus()).assign(duration_s=0.5)
    folder = tmp_path_factory.mktemp("raw")
    tone = np.sin(2 * np.pi * TONE_HZ * np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE)
    paths = [clip_path(folder, clip) for clip in examples["clip"]]
    for path, emotion in zip(paths, examples["emotion"], strict=True):
        path.parent.mkdir(exist_ok=True)
        audio.write_pcm16(path, PEAK[emotion] * tone, sample_rate=SAMPLE_RATE)
    return examples.assign(path=[str(path) for path in paths])


def bars(figure: Figure) -> list[tuple[list[float], list[str]]]:
    """Heights and labels of each group of bars."""
    axes = figure.axes[0]
    groups = [group for group in axes.containers if isinstance(group, BarContainer)]
    texts = [text.get_text() for text in axes.texts]
    return [
        ([bar.get_height() for bar in group], texts[start : start + len(group)])
        for group, start in zip(groups, range(0, len(texts), len(EMOTIONS)), strict=True)
    ]


def test_every_emotion_has_a_bar_of_its_count_and_the_count_beside_it() -> None:
    clips = corpus()
    ((heights, labels),) = bars(corpus_figures.class_distribution(clips))
    assert heights == [96, *[192] * 7]
    assert labels == [str(height) for height in heights]


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_an_emotion_without_clips_keeps_its_place(emotion: str) -> None:
    clips = corpus()
    ((heights, _),) = bars(corpus_figures.class_distribution(clips[clips["emotion"] != emotion]))
    assert [name for name, height in zip(EMOTIONS, heights, strict=True) if height == 0] == [emotion]


def test_gender_and_intensity_are_counted_by_emotion() -> None:
    clips = corpus()
    clips = clips.drop(clips.index[(clips["gender"] == "female") & (clips["emotion"] == "sad")][:5])
    (male, _), (female, labels) = bars(corpus_figures.gender_distribution(clips))
    assert male == [48, *[96] * 7]
    assert female == [48, 96, 96, 91, 96, 96, 96, 96]
    assert labels == [str(height) for height in female]
    (_, _), (strong, labels) = bars(corpus_figures.intensity_distribution(corpus()))
    assert strong == [0, *[96] * 7]
    assert labels[0] == "0"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_examples_differ_in_emotion_and_gender_alone_whatever_the_order(seed: int) -> None:
    examples = corpus_figures.example_clips(corpus().sample(frac=1, random_state=seed))
    pairs = zip(examples["emotion"], examples["gender"], strict=True)
    assert list(pairs) == [(emotion, gender) for emotion in EMOTIONS for gender in ("male", "female")]
    assert set(examples["actor"]) == {1, 2}
    alike = examples[["statement", "repetition", "intensity"]]
    assert alike.drop_duplicates().to_numpy().tolist() == [["kids", 1, "normal"]]


def test_all_examples_that_lack_are_named() -> None:
    clips = corpus()
    gone = (clips["emotion"] == "happy") & (clips["gender"] == "male") | (clips["emotion"] == "calm")
    with pytest.raises(InputError) as caught:
        corpus_figures.example_clips(clips[~gone])
    message = str(caught.value)
    assert "male actor, happy" in message
    assert "female actor, calm" in message
    assert "3 problems" in message


def test_waveforms_reach_the_peak_of_their_clip_on_one_scale(recorded: pd.DataFrame) -> None:
    figure = corpus_figures.waveforms(recorded)
    assert len(figure.axes) == 16
    for axes, clip, emotion in zip(figure.axes, recorded["clip"], recorded["emotion"], strict=True):
        (shape,) = axes.collections
        extent = shape.get_datalim(axes.transData)
        assert extent.y1 == pytest.approx(PEAK[emotion], abs=2e-4)
        assert extent.y0 == pytest.approx(-PEAK[emotion], abs=2e-4)
        assert extent.x1 == pytest.approx(0.5, abs=2e-3)
        drawn = np.asarray(shape.get_facecolor())[0]
        assert drawn == pytest.approx(mpl.colors.to_rgba(EMOTION_COLOURS[emotion]))
        assert titles(axes) == (f"{emotion}, {parse_clip(clip).gender}", clip)
        assert axes.get_ylim() == figure.axes[0].get_ylim()


def titles(axes: Axes) -> tuple[str, str]:
    return axes.get_title(loc="left"), axes.get_title(loc="right")


def test_a_tone_lies_at_its_frequency_and_levels_share_one_scale(recorded: pd.DataFrame) -> None:
    figure = corpus_figures.logmels(recorded, settings=MEL)
    *panels, bar = figure.axes
    assert len(panels) == 16
    assert "dB" in bar.get_xlabel()
    # The panels share the axis, and the labels stand on the left alone.
    labels = [label.get_text() for label in panels[0].get_yticklabels()]
    at_1_khz = panels[0].get_yticks()[labels.index("1,000")]
    ranges = set()
    for axes, clip in zip(panels, recorded["clip"], strict=True):
        (image,) = axes.images
        values = image.get_array()
        assert values is not None
        loudest_row = int(np.asarray(values).mean(axis=1).argmax())
        assert loudest_row + 0.5 == pytest.approx(at_1_khz, abs=1)
        assert titles(axes)[1] == clip
        ranges.add(image.get_clim())
    ((low, high),) = ranges
    drawn = np.concatenate([np.asarray(axes.images[0].get_array()).ravel() for axes in panels])
    assert (low, high) == pytest.approx(np.percentile(drawn, [5, 99.5]))


def test_what_is_drawn_is_librosas_spectrogram(recorded: pd.DataFrame) -> None:
    first = corpus_figures.logmels(recorded, settings=MEL).axes[0].images[0].get_array()
    samples = audio.load(recorded["path"][0], sample_rate=MEL.sample_rate)
    power = librosa.feature.melspectrogram(y=samples, sr=44_100, n_mels=128, fmax=8000)
    np.testing.assert_allclose(np.asarray(first), librosa.power_to_db(power), atol=0.01)


@pytest.mark.parametrize("column", ["duration_s", "rms_dbfs"])
def test_boxes_stand_at_each_actors_median(column: str) -> None:
    clips = corpus().sample(frac=1, random_state=0)
    draw = corpus_figures.durations if column == "duration_s" else corpus_figures.loudness
    axes = draw(clips).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(actor) for actor in range(1, 25)]
    assert medians(axes) == pytest.approx(clips.groupby("actor")[column].median().tolist())


def test_boxes_stand_at_each_emotions_median_on_the_scale_of_the_actors() -> None:
    clips = corpus().sample(frac=1, random_state=0)
    by_actor, by_emotion = corpus_figures.loudness(clips).axes
    assert [label.get_text() for label in by_emotion.get_xticklabels()] == list(EMOTIONS)
    wanted = clips.groupby("emotion")["rms_dbfs"].median()[list(EMOTIONS)]
    assert medians(by_emotion) == pytest.approx(wanted.tolist())
    assert by_actor.get_ylim() == by_emotion.get_ylim()


def medians(axes: Axes) -> list[float]:
    """Heights of the white lines, from left to right."""
    lines = [line for line in axes.lines if line.get_color() == "white"]
    return [float(np.asarray(line.get_ydata())[0]) for line in lines]


def test_a_saved_figure_has_the_same_bytes_whatever_the_users_settings(tmp_path: Path) -> None:
    save(corpus_figures.durations(corpus()), tmp_path / "a.png")
    with mpl.rc_context({"font.size": 30, "savefig.dpi": 20, "axes.facecolor": "red"}):
        save(corpus_figures.durations(corpus()), tmp_path / "b.png")
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert b"Software" not in content


def test_a_figure_that_cannot_be_saved_leaves_the_former_one(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"former")
    broken = Figure()
    broken.text(0, 0, r"$\unknown$")
    with pytest.raises(ValueError, match="unknown"):
        save(broken, path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == b"former"


def test_colours_of_emotions_stay_apart_for_the_colour_blind() -> None:
    # Machado, Oliveira, Fernandes (2009): linear RGB as seen without green, and without red, receptors.
    deuteranopia = [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]
    protanopia = [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]
    assert list(EMOTION_COLOURS) == list(EMOTIONS)
    rgb = np.array([mpl.colors.to_rgb(colour) for colour in EMOTION_COLOURS.values()])
    for matrix in (np.eye(3), deuteranopia, protanopia):
        seen = np.clip(rgb**2.2 @ np.transpose(matrix), 0, 1) ** (1 / 2.2)
        distance = np.linalg.norm(seen[:, None] - seen, axis=-1) + 9 * np.eye(len(seen))
        assert distance.min() > 0.1
