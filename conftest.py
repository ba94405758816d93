"""What tests share: how examples are drawn, and a small exported model."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

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


class FileScheduling(LoadFileScheduling):  # type: ignore[misc]
    """Keep on one core what shares its fixtures: the tests of a file, and all of the whole pipeline."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/e2e" if nodeid.startswith("tests/e2e/") else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    return FileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests of the whole pipeline, which take longest."""
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model of the real form with random weights, on the package's own encoder."""
    # Loaded here, as other tests need none of it.
    from ser.features.whisper_encoder import LAYERS, UNITS
    from ser.models.layers.linear import LinearLayers
    from ser.recognizer.bundle_format import (
        RAVDESS,
        Bundle,
        ExportedModel,
        ListeningSettings,
        encoder_sha256,
        write_bundle,
    )
    from ser.recognizer.certainty import Thresholds

    draw = np.random.default_rng(0)
    linear = LinearLayers(
        coefficients=draw.normal(0, 0.3, (LAYERS, 2 * UNITS, 8)),
        biases=np.zeros((LAYERS, 8)),
        weights=np.array([0.1, 0.2, 0.3]),
    )
    model = ExportedModel(
        linear,
        temperature=0.8,
        thresholds=Thresholds(sure_from=0.8, likely_from=0.5, agreement_from=0.5),
        about={"training": {"recordings": "none"}},
        centres=draw.normal(0, 5, (8, LAYERS, 8)),
    )
    listening = ListeningSettings(
        timeline_after_s=6.0,
        window_s=3.0,
        hop_s=1.0,
        shortest_s=0.3,
        silence_dbfs=-70.0,
        range_db=32.0,
        sure_from_s=1.0,
    )
    folder = tmp_path_factory.mktemp("exported") / "bundle"
    write_bundle(
        folder, Bundle("0.0.0", encoder_sha256(), listening, {RAVDESS: model}), weights_licence="licence"
    )
    return folder
