"""What the tests of engines share."""

import pytest
from engine_material import trained_net

from ferdesk.engines.net import Net


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Net:
    """A small net as the trainer exports it; exporting takes seconds, so it is done once."""
    pytest.importorskip("torch")
    return trained_net(tmp_path_factory.mktemp("net") / "small")
