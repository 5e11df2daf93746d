"""Activation maps on the way of a frame: only for who asks, and nothing else changes."""

from pathlib import Path

import numpy as np
import pytest
from au_fakes import a_face
from mapped_net import PLACES, SIZE, write_mapped_bundle

from ferdesk.core.types import Box, Face, Frame
from ferdesk.expression import ExpressionNet
from ferdesk.pipeline import Pipeline

BUNDLES = Path(__file__).parents[1] / "resources" / "models"


class TwoFaces:
    """Finds the same two faces everywhere."""

    backend = "two"

    def find(self, frame: Frame) -> list[Face]:
        return [a_face(0, Box(20, 20, 100, 120)), a_face(0, Box(180, 30, 80, 96))]

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def frames(count: int = 4) -> list[Frame]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (count, 180, 320, 3)).astype(np.uint8)
    return [Frame(image, index, 0, index / 30, "clip") for index, image in enumerate(images)]


@pytest.fixture
def mapped(tmp_path: Path) -> Path:
    write_mapped_bundle(tmp_path / "mapped")
    return tmp_path / "mapped"


def test_maps_come_when_asked_for_and_all_else_is_the_same(mapped: Path) -> None:
    with_maps, without = (Pipeline(TwoFaces(), ExpressionNet(mapped), 0.2) for _ in range(2))
    net = ExpressionNet(mapped)
    assert with_maps.has_maps
    for index, frame in enumerate(frames()):
        wanted = index % 2 == 1  # on and off again, in the midst of a run
        some, plain = with_maps.process(frame, maps=wanted), without.process(frame)
        assert ("maps" in some.stage_ms) == wanted
        assert len(some.faces) == len(plain.faces) == 2
        for one, other in zip(some.faces, plain.faces, strict=True):
            assert one.to_dict() == other.to_dict()
            np.testing.assert_array_equal(one.raw, other.raw)
            assert other.maps is None
            assert (one.maps is not None) == wanted
            if one.maps is not None:
                assert one.maps.shape == (8, PLACES, PLACES)
                np.testing.assert_array_equal(one.maps, net.maps([one.crop.image])[0])
                assert one.crop.image.shape == (SIZE, SIZE)
    for part in (with_maps, without, net):
        part.close()


def test_a_net_without_maps_gives_none_to_anybody() -> None:
    pipeline = Pipeline(TwoFaces(), ExpressionNet(BUNDLES / "khorrami2015-ferplus"), 0.0)
    assert not pipeline.has_maps
    result = pipeline.process(frames(1)[0], maps=True)
    assert [face.maps for face in result.faces] == [None, None]
    assert "maps" not in result.stage_ms
    pipeline.close()
