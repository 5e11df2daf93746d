import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, recall_score, top_k_accuracy_score
from trainer_tree import draw_face

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.calibrate import fit_temperature
from trainer.datasets.base import DATASETS, DROPPED, Faces, Sample, Table
from trainer.evaluate import (
    bootstrap_interval,
    calibration_error,
    measure,
    protocols_for,
    top_k,
    truth,
)
from trainer.export import export
from trainer.fit import fit
from trainer.recipes import RECIPES
from trainer.runs import RunFolder


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
    result = measure(probabilities, labels, dataset="sfew", part="valid", protocol="label")
    metric, predicted = result.metric, probabilities.argmax(axis=1)
    assert (metric.dataset, metric.part, metric.protocol) == ("sfew", "valid", "label")
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
    labels = np.array([0, 0, 1, 0])
    result = measure(probabilities, labels, dataset="ferplus", part="valid", protocol="majority")
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


def faces(labels, votes=None):
    images = np.zeros((len(labels), 48, 48), np.uint8)
    names = tuple(f"{i}.png" for i in range(len(labels)))
    return Faces("a-set", "valid", images, np.array(labels, np.int64), names, votes)


def test_truth_under_each_protocol():
    votes = np.array([[6, 4] + [0] * 8, [4, 3, 3] + [0] * 7, [0] * 8 + [10, 0]], np.uint8)
    with_votes = faces([0, 0, DROPPED], votes)
    assert protocols_for(with_votes) == ("plurality", "majority")
    keep, labels = truth(with_votes, "plurality")
    assert (keep.tolist(), labels.tolist()) == ([True, True, False], [0, 0])
    keep, labels = truth(with_votes, "majority")
    assert (keep.tolist(), labels.tolist()) == ([True, False, False], [0])

    without = faces([3, DROPPED, 7])
    assert protocols_for(without) == ("label",)
    keep, labels = truth(without, "label")
    assert (keep.tolist(), labels.tolist()) == ([True, False, True], [3, 7])


@pytest.mark.parametrize("protocol", ["plurality", "majority"])
def test_truth_refuses_to_count_votes_that_are_not_there(protocol):
    message = f"'{protocol}' does not fit a-set, which has labels and no votes: use label"
    with pytest.raises(DataError, match=message):
        truth(faces([1]), protocol)


def test_truth_refuses_labels_where_there_are_votes():
    votes = np.array([[10] + [0] * 9], np.uint8)
    with pytest.raises(DataError, match="has votes: use plurality or majority"):
        truth(faces([0], votes), "label")


def test_truth_refuses_a_part_without_labels():
    votes = np.array([[0] * 8 + [10, 0]], np.uint8)
    with pytest.raises(DataError, match="No image of the valid part of a-set"):
        truth(faces([DROPPED], votes), "plurality")


@pytest.fixture(scope="module")
def run(parts, tmp_path_factory):
    """A run on sets of labels at another size than 48."""
    recipe = RECIPES.get("khorrami2015-ferplus").override(
        {"epochs": "1", "batch": "8", "size": "32", "dataset": "fer2013"}
    )
    small = [
        replace(part, images=np.ascontiguousarray(part.images[:, 8:40, 8:40])) for part in parts
    ]
    made = RunFolder(tmp_path_factory.mktemp("run") / "small")
    fit(recipe, *small, made, data=made.folder)
    return made.folder


@pytest.fixture(scope="module")
def bundle(run, parts, tmp_path_factory):
    small = [
        replace(part, images=np.ascontiguousarray(part.images[:, 8:40, 8:40])) for part in parts
    ]
    return export(RunFolder(run), *small, tmp_path_factory.mktemp("b") / "small", "small").folder


def test_a_net_of_another_size_gets_faces_of_its_size(command, bundle, tree, tmp_path):
    picture = tmp_path / "confusion.png"
    code, out, err = command(
        "evaluate", "--bundle", bundle, "-d", tree, "--json", "--confusion", picture
    )
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["dataset"], result["protocol"], result["n"]) == ("ferplus", "plurality", 24)
    assert {"accuracy", "top2", "top3", "macro_f1", "ece", "confusion", "per_class"} <= set(result)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_another_set_than_the_run_s_may_be_named(command, run, tree):
    arguments = ("evaluate", "--run", run, "-d", tree)
    code, _, err = command(*arguments)  # as FER2013, which the recipe names
    assert code == 2
    assert err.startswith("ferdesk-train: ")
    code, out, _ = command(*arguments, "--dataset", "ferplus", "--protocol", "majority", "--json")
    assert code == 0
    assert json.loads(out)["protocol"] == "majority"


def test_a_set_without_parts_is_measured_as_a_whole(command, run, bundle, tmp_path, monkeypatch):
    pictures = [draw_face(np.random.default_rng(i), smile=i % 2 == 0) for i in range(6)]
    samples = tuple(
        Sample(f"{i}.png", partial(np.copy, picture), label=DROPPED if i == 5 else 1)
        for i, picture in enumerate(pictures)
    )
    drawn = Table("drawn", samples, cropped=True)
    jaffe = DATASETS.get("jaffe")
    found = replace(jaffe, read=lambda path, *, skip_bad=False: drawn)
    monkeypatch.setitem(DATASETS._entries, "jaffe", found)
    arguments = ("evaluate", "--bundle", bundle, "-d", tmp_path, "--dataset", "jaffe")
    code, out, _ = command(*arguments, "--part", "all", "--json")
    assert code == 0
    result = json.loads(out)
    assert (result["part"], result["protocol"], result["n"]) == ("all", "label", 5)
    code, _, err = command(*arguments)
    assert code == 2
    assert "has no valid part" in err
    code, _, err = command(*arguments, "--part", "all", "--protocol", "majority")
    assert code == 2
    assert "use label" in err
    monkeypatch.setitem(DATASETS._entries, "fer2013", found)  # what the run was trained on
    code, _, err = command("evaluate", "--run", run, "-d", tmp_path, "--part", "all")
    assert code == 2
    assert "was trained on folds of fer2013" in err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--part", "all"), "choose one with --part (train, valid), not all"),
        (("--part", "everything"), "There is no part 'everything'"),
        (("--dataset", "ferpluss"), "Did you mean ferplus"),
        (("--protocol", "label"), "use plurality or majority"),
    ],
)
def test_mistakes_are_one_line(command, bundle, tree, more, message):
    code, _, err = command("evaluate", "--bundle", bundle, "-d", tree, *more)
    assert code == 2
    assert err.count("\n") == 1
    assert message in err
