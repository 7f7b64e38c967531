"""For all tests: the project's folder, and freedom from settings of whoever runs them."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no failure; what a test may take is pytest's timeout.
settings.register_profile("hippo", deadline=None)
settings.load_profile("hippo")


@pytest.fixture(scope="session")
def project() -> Path:
    """Root of the checkout."""
    return Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the `HIPPO_...` variables of the shell: they would change every configuration."""
    for name in [name for name in os.environ if name.startswith("HIPPO_")]:
        monkeypatch.delenv(name)
