"""What tests share: how examples are drawn, and a small exported model, made without TensorFlow."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# In the projects that tests make, DVC starts no processes that report its use and look for newer versions.
os.environ["DVC_TEST"] = "1"

# The same examples in every run; pytest --hypothesis-profile=default draws others.
settings.register_profile("repeatable", derandomize=True, deadline=None)
# For make fuzz. What hypothesis would complain of is that examples are large and take long.
LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "fuzz", max_examples=10_000, deadline=None, suppress_health_check=LARGE, print_blob=True
)
settings.load_profile("repeatable")

BANDS, FRAMES = 16, 40


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model of the real form with random weights: a linear network, a small encoder, an LDA."""
    # Loaded here, as other tests need none of it.
    from ser.export.final_parts import LinearDiscriminant
    from ser.export.onnx_graph import Graph, write_model
    from ser.features.front_end import FrontEndSettings, MelSettings
    from ser.features.speaker_encoder import SpeakerEncoder, _Layer
    from ser.recognizer.bundle_format import Bundle, ListeningSettings, write_bundle

    draw = np.random.default_rng(0)

    def weights(*shape: int, scale: float = 0.3) -> np.ndarray:
        return draw.normal(0, scale, shape).astype(np.float32)

    units = 6
    layers = [
        _Layer(weights(4 * units, n), weights(4 * units, units), weights(4 * units)) for n in (40, units)
    ]
    columns = 4 * units + 2
    lda = LinearDiscriminant(
        layer=2,
        mean=np.zeros(columns),
        scale=np.full(columns, 10.0),
        coef=draw.normal(0, 1, (8, columns)),
        intercept=np.zeros(8),
    )
    graph = Graph()
    flat = graph.add("Flatten", "logmel", axis=1)
    scores = graph.add("MatMul", flat, graph.constant(weights(FRAMES * BANDS, 8, scale=0.002)))
    model = write_model(
        graph,
        graph.add("Softmax", scores, axis=-1),
        encoder=SpeakerEncoder(tuple(layers)),
        lda=lda,
        temperature=0.8,
        logmel_shape=(FRAMES, BANDS),
    )
    front_end = FrontEndSettings(
        logmel=MelSettings(16000, 1024, 640, 256, BANDS, 50.0, 8000.0),
        trim_db=32.0,
        floor_db=-60.0,
        n_frames=FRAMES,
        encoder=MelSettings(16000, 400, 400, 160, 40, 0.0, 8000.0),
        encoder_trim_db=32.0,
        encoder_level_dbfs=-30.0,
    )
    folder = tmp_path_factory.mktemp("exported") / "bundle"
    bundle = Bundle(
        version="0.0.0",
        front_end=front_end,
        listening=ListeningSettings(6.0, 3.0, 1.0, 0.3, -70.0, sure_from_s=1.0),
        temperature=0.8,
        uncertain_below=0.5,
        about={"training": {"recordings": "none"}},
        model=model,
    )
    write_bundle(folder, bundle, weights_licence="licence", encoder_licence="licence")
    return folder
