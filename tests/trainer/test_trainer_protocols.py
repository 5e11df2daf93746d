import numpy as np
import pytest

from trainer.datasets import protocols
from trainer.datasets.ferplus import load


def votes(*rows):
    return np.array(rows, np.uint8)


#                neu hap sur sad ang dis fea con unk NF
CLEAR = (0, 9, 0, 0, 0, 0, 0, 0, 1, 0)
TIE = (0, 0, 0, 5, 5, 0, 0, 0, 0, 0)
UNKNOWN = (1, 0, 1, 0, 0, 0, 0, 2, 6, 0)
NO_FACE = (0, 0, 0, 0, 0, 0, 0, 0, 2, 8)
WEAK = (4, 0, 0, 3, 2, 0, 0, 0, 1, 0)
ONES_HIDE_A_MAJORITY = (5, 1, 1, 1, 0, 0, 0, 0, 2, 0)
HALF = (5, 0, 0, 3, 0, 0, 0, 0, 2, 0)
TIE_WITH_UNKNOWN = (0, 0, 0, 0, 4, 0, 0, 0, 4, 2)


def test_plurality_takes_the_first_of_the_most_voted():
    table = votes(CLEAR, TIE, UNKNOWN, NO_FACE, WEAK, TIE_WITH_UNKNOWN)
    assert protocols.labels(table, "plurality").tolist() == [1, 3, -1, -1, 0, 4]


def test_majority_wants_more_than_half_of_what_outliers_leave():
    table = votes(CLEAR, TIE, UNKNOWN, NO_FACE, WEAK, ONES_HIDE_A_MAJORITY, HALF)
    assert protocols.labels(table, "majority").tolist() == [1, -1, -1, -1, -1, 0, -1]


def test_majority_drops_an_image_with_only_single_votes():
    table = votes((1, 1, 1, 1, 1, 1, 1, 1, 1, 1))
    assert protocols.labels(table, "majority").tolist() == [-1]


def test_targets_without_outliers():
    made = protocols.targets(votes(CLEAR, WEAK, ONES_HIDE_A_MAJORITY), "without_outliers")
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[0], [0, 1, 0, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(made[1], np.array([4, 0, 0, 3, 2, 0, 0, 0]) / 9, rtol=1e-6)
    np.testing.assert_allclose(made[2], [1, 0, 0, 0, 0, 0, 0, 0])


def test_targets_with_all_votes():
    made = protocols.targets(votes(ONES_HIDE_A_MAJORITY), "all")
    np.testing.assert_allclose(made[0], np.array([5, 1, 1, 1, 0, 0, 0, 0]) / 8, rtol=1e-6)


def test_targets_fall_back_to_single_votes_where_there_are_no_others():
    made = protocols.targets(votes((1, 1, 0, 0, 0, 0, 0, 0, 1, 0)), "without_outliers")
    np.testing.assert_allclose(made[0], [0.5, 0.5, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("part", "images", "plurality", "majority"),
    [("train", 28_558, 28_385, 25_045), ("valid", 3_579, 3_555, 3_191)],
)
def test_counts_of_the_real_data(shared, part, images, plurality, majority):
    data = load(shared("data"), part)
    assert data.images.shape == (images, 48, 48)
    assert (protocols.labels(data.votes, "plurality") >= 0).sum() == plurality
    assert (protocols.labels(data.votes, "majority") >= 0).sum() == majority
    kept = data.votes[protocols.labels(data.votes, "plurality") >= 0]
    for rule in ("all", "without_outliers"):
        np.testing.assert_allclose(protocols.targets(kept, rule).sum(axis=1), 1, rtol=1e-6)
