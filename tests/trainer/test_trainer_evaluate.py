import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score, top_k_accuracy_score

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.calibrate import fit_temperature
from trainer.datasets.ferplus import FerPlus
from trainer.evaluate import bootstrap_interval, calibration_error, measure, top_k, truth


@pytest.fixture(scope="module")
def case():
    """500 seeded judgements, right more often than not."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 8, 500)
    logits = rng.normal(size=(500, 8)) + 1.5 * np.eye(8)[labels]
    odds = np.exp(logits)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32), labels


def test_figures_are_sklearn_s(case):
    probabilities, labels = case
    result = measure(probabilities, labels, part="valid", protocol="plurality")
    metric, predicted = result.metric, probabilities.argmax(axis=1)
    assert metric.n == 500
    assert metric.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert metric.top2 == pytest.approx(top_k_accuracy_score(labels, probabilities, k=2))
    assert metric.top3 == pytest.approx(top_k_accuracy_score(labels, probabilities, k=3))
    assert metric.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert metric.balanced_accuracy == pytest.approx(
        recall_score(labels, predicted, average="macro")
    )
    assert metric.accuracy_ci95[0] < metric.accuracy < metric.accuracy_ci95[1]
    assert [c.label for c in result.per_class] == list(EXPRESSIONS)
    assert [c.n for c in result.per_class] == np.bincount(labels, minlength=8).tolist()
    assert result.confusion.sum() == 500
    assert np.trace(result.confusion) == round(metric.accuracy * 500)
    assert result.confusion[2].sum() == (labels == 2).sum()  # rows are the truth


def test_a_class_without_images_does_not_count():
    probabilities = np.eye(8, dtype=np.float32)[[0, 0, 1, 1]]
    result = measure(probabilities, np.array([0, 0, 1, 0]), part="valid", protocol="majority")
    assert result.metric.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert result.metric.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert result.per_class[5].n == 0


def test_top_k_by_hand():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    labels = np.array([0, 1, 2])
    assert [top_k(probabilities, labels, k) for k in (1, 2, 3)] == [1 / 3, 2 / 3, 1.0]


def test_calibration_error_by_hand():
    two = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [1.0, 0.0]])
    labels = np.array([0, 1, 0, 0])
    # bins: 0.9 twice (half right), 0.6 once (right), 1.0 once (right)
    expected = (abs(1.8 - 1) + abs(0.6 - 1) + 0) / 4
    assert calibration_error(two, labels) == pytest.approx(expected)


def test_bootstrap_interval_is_that_of_resampled_images():
    hits = np.arange(400) < 320
    rng = np.random.default_rng(11)
    drawn = rng.choice(hits, (4_000, 400)).mean(axis=1)
    low, high = bootstrap_interval(0.8, 400)
    assert (low, high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.005)
    assert bootstrap_interval(0.8, 400) == (low, high)


def test_temperature_is_found_again():
    rng = np.random.default_rng(5)
    true_logits = rng.normal(size=(20_000, 8)) * 2
    odds = np.exp(true_logits)
    cumulative = (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)
    labels = (cumulative < rng.random((20_000, 1))).sum(axis=1).clip(max=7)
    assert fit_temperature(true_logits, labels) == pytest.approx(1.0, abs=0.03)
    assert fit_temperature(true_logits * 2.5, labels) == pytest.approx(2.5, abs=0.07)


def test_temperature_of_a_perfect_net_stays_in_range():
    logits = np.eye(8) * 5
    assert fit_temperature(logits, np.arange(8)) == pytest.approx(0.05)


def test_truth_refuses_a_part_without_labels():
    votes = np.array([[0] * 8 + [10, 0]], np.uint8)
    data = FerPlus("valid", np.zeros((1, 48, 48), np.uint8), votes, ("a.png",))
    with pytest.raises(DataError, match="No image of the valid part"):
        truth(data, "plurality")
