import cv2
import numpy as np
import pytest

from ferdesk.core.preprocess import extract, net_input, normalise


def test_normalise_gives_zero_mean_and_unit_variance() -> None:
    batch = np.random.default_rng(0).uniform(0, 255, (3, 1, 48, 48)).astype(np.float32)
    done = normalise(batch)
    assert done.dtype == np.float32
    np.testing.assert_allclose(done.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(done.std(axis=(1, 2, 3)), 1, atol=1e-5)


def test_normalise_does_not_blow_up_a_blank_picture() -> None:
    blank = np.full((1, 1, 48, 48), 130, np.float32)
    blank[0, 0, 0, 0] = 131
    assert np.abs(normalise(blank)).max() <= 1.0


def test_normalise_is_the_same_on_torch() -> None:
    torch = pytest.importorskip("torch", reason="the trainer's extra is not installed")
    batch = np.random.default_rng(1).uniform(0, 255, (2, 1, 48, 48)).astype(np.float32)
    done = normalise(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(done, normalise(batch), atol=1e-6)


def test_net_input_keeps_the_order() -> None:
    patches = [np.full((4, 4), value, np.uint8) for value in (10, 20)]
    patches[1][0, 0] = 200
    batch = net_input(patches)
    assert batch.shape == (2, 1, 4, 4)
    assert batch.dtype == np.float32
    assert not batch[0].any()
    assert batch[1].argmax() == 0


def test_extract_of_the_identity_gives_the_grey_picture() -> None:
    image = np.random.default_rng(2).integers(0, 256, (32, 32, 3), np.uint8)
    crop = extract(image, np.array([[1.0, 0, 0], [0, 1, 0]]), 32)
    np.testing.assert_array_equal(crop.image, cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


@pytest.mark.parametrize("times", [2, 4, 6])
def test_extract_averages_when_it_shrinks(times: int) -> None:
    """The finest checkerboard must become even grey, not a moiré of its own."""
    size = 16
    board = np.indices((size * times, size * times)).sum(axis=0) % 2 * 255
    image = np.repeat(board.astype(np.uint8)[..., None], 3, axis=2)
    offset = (1 / times - 1) / 2
    matrix = np.array([[1 / times, 0, offset], [0, 1 / times, offset]])
    crop = extract(image, matrix, size)
    expected = cv2.resize(image[..., 0], (size, size), interpolation=cv2.INTER_AREA)
    assert np.abs(crop.image.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("shrink", [1.5, 2.7, 3.3, 4.4, 7.1])
def test_extract_is_close_to_averaging_at_any_size(shrink: float) -> None:
    """Within a few grey levels of the exact mean over each patch pixel's area."""
    size = 24
    side = round(size * shrink)
    noise = np.random.default_rng(3).integers(0, 256, (side, side)).astype(np.uint8)
    image = np.repeat(cv2.GaussianBlur(noise, (0, 0), 1.0)[..., None], 3, axis=2)
    scale = size / side
    offset = (scale - 1) / 2
    crop = extract(image, np.array([[scale, 0, offset], [0, scale, offset]]), size)
    expected = cv2.resize(image[..., 0], (size, size), interpolation=cv2.INTER_AREA)
    assert np.abs(crop.image.astype(int) - expected.astype(int)).mean() < 4


def test_extract_repeats_the_border() -> None:
    image = np.full((8, 8, 3), 77, np.uint8)
    crop = extract(image, np.array([[1.0, 0, 20], [0, 1, 20]]), 8)
    assert (crop.image == 77).all()
