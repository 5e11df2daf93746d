import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.svm import SVC, LinearSVC
from trainer_tree import draw_face, write_part

from ferdesk.aus.base import au_values
from ferdesk.bundles import find_bundle
from ferdesk.core.au_odds import UnitOdds, terms
from ferdesk.core.au_svm import CONTEST_INDEX, CONTESTS
from ferdesk.core.aus import AU_INDEX, N_UNITS
from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.svm_bundle import Asking, Stack, SvmBundle, read_svm_bundle
from ferdesk.core.types import AuValues
from ferdesk.disambiguate import Judge
from trainer import au_svm, svm_export, svm_stack
from trainer.au_svm import Choice, fit_svms
from trainer.au_table import AuTableWriter
from trainer.datasets.ferplus import FOLDERS
from trainer.svm_export import never_worse
from trainer.svm_odds import PENALTY, fit_odds
from trainer.svm_results import ALONE, TUNERS, cross_fitted, result
from trainer.svm_stack import (
    Answers,
    Judged,
    Tuned,
    cross_fit,
    judged,
    likelihood,
    predict,
    tune_plain,
    tune_stack,
)

UNITS = (1, 2, 4, 5, 6, 12, 14, 15)
_COLUMNS = [AU_INDEX[unit] for unit in UNITS]
# What each expression looks like here, so that the units tell all eight apart.
_LOOKS = np.random.default_rng(1).uniform(0.1, 0.9, (8, len(UNITS)))


def faces(n, seed=0, noise=0.1):
    """(n,) labels and (n, 30) activations that show them."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 8
    shown = (_LOOKS[labels] + rng.normal(0, noise, (n, len(UNITS)))).clip(0, 1)
    activations = np.full((n, N_UNITS), np.nan, np.float32)
    activations[:, _COLUMNS] = shown
    return labels, activations


def guesses(labels, seed=0, sure=0.6):
    """A net's probabilities that point at the label now and then."""
    rng = np.random.default_rng(seed)
    found = (
        rng.dirichlet(np.ones(8), len(labels))
        + sure * rng.random((len(labels), 1)) * np.eye(8)[labels]
    )
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def fitted(monkeypatch, choice, labels, activations):
    monkeypatch.setattr(au_svm, "_choose", lambda *_: choice)
    return fit_svms(activations, labels, UNITS)[0]


@pytest.fixture(scope="module")
def machines():
    labels, activations = faces(160, noise=0.25)
    with pytest.MonkeyPatch.context() as patch:
        return fitted(patch, Choice(1.0), labels, activations)


@pytest.mark.parametrize("choice", [Choice(0.3), Choice(3.0, 0.1)], ids=["linear", "kernel"])
@pytest.mark.parametrize("contest", [(0, 1), (3, 4), (0, 2, 6)])
def test_numpy_gives_sklearn_s_decision_values(monkeypatch, choice, contest):
    labels, activations = faces(160, noise=0.25)
    svms = fitted(monkeypatch, choice, labels, activations)
    among = np.isin(labels, contest)
    x = svms.standardise(activations[:, _COLUMNS].astype(np.float64))
    seen = svms.sees(contest)
    assert 0 < seen.sum() < len(UNITS)
    found = svms.margins(contest, x)
    for column, first in enumerate(contest if len(contest) == 3 else contest[:1]):
        if choice.gamma:
            machine = SVC(C=choice.c, gamma=choice.gamma, class_weight="balanced")
        else:
            machine = LinearSVC(C=choice.c, class_weight="balanced", dual=False)
        machine.fit(x[among][:, seen], labels[among] == first)
        expected = machine.decision_function(x[:, seen])
        np.testing.assert_allclose(found[:, column], expected, atol=1e-9)
    assert bool(svms.gamma[CONTEST_INDEX[contest]]) == bool(choice.gamma)
    evidence = svms.evidence(contest, x)
    assert evidence.shape == (len(labels), len(contest))
    if len(contest) == 2:
        np.testing.assert_allclose(evidence[:, 0] - evidence[:, 1], found[:, 0])


def test_the_better_kernel_is_chosen():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(240, 2))
    curved = (np.hypot(*x.T) > 1.1).astype(np.int64)
    straight = (x[:, 0] > 0).astype(np.int64)
    assert au_svm._choose(x, curved, (0, 1), rng).gamma > 0
    assert au_svm._choose(x, straight, (0, 1), rng).gamma == 0


def test_too_few_faces_or_a_missing_unit_is_said():
    labels, activations = faces(80)
    with pytest.raises(DataError, match="Only 0 faces show contempt"):
        fit_svms(activations[labels < 7], labels[labels < 7], UNITS)
    with pytest.raises(DataError, match="unit that was not estimated"):
        fit_svms(activations, labels, (*UNITS, 17))


def test_odds_find_what_the_units_show_and_add_nothing_to_a_net_that_knows():
    labels, activations = faces(800, noise=0.05)
    shown = activations[:, _COLUMNS].astype(np.float64)
    alone = fit_odds(shown, labels, np.zeros((800, 8)))
    every = tuple(range(8))
    told = alone.evidence(every, alone.standardise(shown))
    assert (told.argmax(axis=1) == labels).mean() > 0.95
    knows = fit_odds(shown, labels, 20.0 * np.eye(8)[labels])
    said = knows.evidence(every, knows.standardise(shown))
    assert np.ptp(said, axis=1).max() < 0.01


def test_odds_are_at_the_minimum_of_the_penalised_loss():
    labels, activations = faces(200, noise=0.4)
    shown = activations[:, _COLUMNS].astype(np.float64)
    found = fit_odds(shown, labels, np.zeros((200, 8)))
    x = terms(found.standardise(shown))
    spread = x.std(axis=0)
    spread[0] = 1.0
    weights = found.weights * spread  # on products of one scale, as they were penalised
    shift = x.mean(axis=0) / spread
    shift[0] = 0.0
    weights[:, 0] += weights @ shift  # the constant, with all products at their means

    def loss(given):
        inner = given.copy()
        inner[:, 0] -= inner @ shift
        logs = (x / spread) @ inner.T
        logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
        return PENALTY / 2 * (given**2).sum() - logs[np.arange(200), labels].sum()

    best = loss(weights)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert loss(weights + 0.02 * rng.normal(size=weights.shape)) > best


def models(svms):
    labels, activations = faces(400, seed=9)
    shown = activations[:, _COLUMNS].astype(np.float64)
    return {"machines": svms, "units": fit_odds(shown, labels, np.zeros((400, 8)))}


def case(svms, n=240, noise=0.1, usable=None):
    labels, activations = faces(n, seed=2, noise=noise)
    shown = activations[:, _COLUMNS].astype(np.float64)
    usable = np.ones(n, np.bool_) if usable is None else usable
    return judged(guesses(labels), labels, shown, usable, models(svms)), activations


_ASKING = {
    "plain": Asking(t2=0.3, t3=0.4, order="pairs-first"),
    "triples first": Asking(t2=0.3, t3=0.2, order="triples-first"),
}
_STACK = Stack(
    t2=0.4,
    t3=0.3,
    order="triples-first",
    evidence="machines",
    own2=0.9,
    units2=0.7,
    own3=1.1,
    units3=0.4,
    least=0.15,
)
_ASKING |= {"stacked": _STACK, "all units": _STACK.model_copy(update={"evidence": "units"})}


@pytest.mark.parametrize("name", _ASKING)
def test_the_tuner_s_answers_are_the_app_s(machines, name):
    how = _ASKING[name]
    usable = np.arange(240) % 5 > 0
    whole, activations = case(machines, usable=usable)
    source = getattr(how, "evidence", "machines")
    found = predict(whole, Tuned(how, source))
    odds = models(machines)["units"]
    assert isinstance(odds, UnitOdds)
    judge = Judge(machines, odds, how)
    probabilities = np.empty_like(whole.probabilities)
    np.put_along_axis(probabilities, whole.ranked, whole.probabilities, axis=1)
    nothing = np.full(N_UNITS, np.nan, np.float32)
    for place in range(len(whole)):
        row = activations[place]
        aus = AuValues("drawn", row, row, nothing, nothing, 0.0, bool(usable[place]))
        verdict = judge.decide(probabilities[place], aus)
        assert EXPRESSIONS[found.chosen[place]] == verdict.chosen
        assert found.contested[place] == (bool(verdict.contested) and usable[place])
    assert 0 < found.contested.sum() < usable.sum()
    assert (found.chosen != whole.own).any()


def test_units_that_know_more_are_followed(machines):
    whole, _ = case(machines)
    right = (whole.own == whole.labels).mean()
    for tuned in (
        tune_plain(whole, "machines", triples=False),
        tune_plain(whole, "machines", triples=True),
        tune_stack(whole, "machines", "machines"),
        tune_stack(whole, "units", "units"),
    ):
        assert (predict(whole, tuned).chosen == whole.labels).mean() > right + 0.05
    assert likelihood(whole, "units") > likelihood(whole, "machines")


def test_units_that_mislead_are_never_asked(machines):
    whole, _ = case(machines)
    lies = {name: -values for name, values in whole.two.items()}
    misled = replace(whole, two=lies, three={name: -v for name, v in whole.three.items()})
    plain = tune_plain(misled, "machines", triples=True).asking
    assert (plain.t2, plain.t3) == (0.0, 0.0)
    for name in TUNERS:
        answers = predict(misled, TUNERS[name](misled))
        assert (answers.chosen == misled.labels).sum() >= (misled.own == misled.labels).sum()
    stacked = tune_stack(misled, "machines", "machines").asking
    assert isinstance(stacked, Stack)
    assert stacked.units2 == stacked.units3 == 0


def test_rare_expressions_do_not_pay_for_common_ones():
    neutral, fear = EXPRESSIONS.index("neutral"), EXPRESSIONS.index("fear")
    labels = np.array([neutral] * 8 + [fear] * 2)
    first = np.array([neutral] * 4 + [fear] * 6)  # each contested by the other of the two
    others = [place for place in range(8) if place not in (neutral, fear)]
    ranked = np.array([[best, neutral + fear - best, *others] for best in first])
    probabilities = np.tile(np.array([0.5, 0.45, *[0.05 / 6] * 6], np.float32), (10, 1))
    for_neutral = np.where(ranked[:, :2] == neutral, 1.0, -1.0)
    three = np.zeros((10, 3))
    faces_ = Judged(
        ranked, probabilities, labels, np.ones(10, np.bool_), {"m": for_neutral}, {"m": three}
    )
    always = Tuned(Asking(t2=0.1, t3=0.0, order="pairs-first"), "m")
    assert (predict(faces_, always).chosen == labels).sum() > (faces_.own == labels).sum()
    assert tune_plain(faces_, "m", triples=False).asking.t2 == 0.0


def test_a_stack_that_lost_ships_silent():
    assert never_worse(Tuned(_STACK, "machines"), True) == _STACK
    silent = never_worse(Tuned(_STACK, "machines"), False)
    assert (silent.t2, silent.t3) == (0.0, 0.0)


def test_cross_fitting_never_shows_a_fold_to_its_tuning(machines):
    whole, _ = case(machines, n=64)
    folds = [np.arange(start, 64, 4) for start in range(4)]
    rows = {row.tobytes(): place for place, row in enumerate(whole.probabilities)}
    assert len(rows) == 64
    seen = []

    def tune(part):
        seen.append({rows[row.tobytes()] for row in part.probabilities})
        return Tuned(_ASKING["plain"], "machines")

    answers = cross_fit(whole, folds, tune)
    assert seen == [set(range(64)) - set(fold.tolist()) for fold in folds]
    np.testing.assert_array_equal(
        answers.chosen, predict(whole, Tuned(_ASKING["plain"], "machines")).chosen
    )


def test_every_way_is_cross_fitted(machines):
    whole, _ = case(machines, n=160)
    found = cross_fitted(whole)
    assert list(found) == [ALONE, *TUNERS]
    assert (found[ALONE].chosen == whole.own).all()
    assert all((answers.chosen >= 0).all() for answers in found.values())


def test_a_result_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    own = np.array([0, 1, 1, 0, 0, 0, 0, 1])
    chosen = np.array([1, 0, 0, 1, 1, 1, 1, 1])
    asked = np.array([1, 1, 1, 1, 1, 1, 1, 0], np.bool_)
    said = dict.fromkeys(
        ("expression", "estimator", "dataset", "part", "protocol", "tuned", "algorithm"), "x"
    )
    found = result(own, Answers(chosen, asked), labels, asked, **said)
    assert (found.n, found.reliable, found.contested) == (8, 7, 7)
    assert (found.turned_right, found.turned_wrong) == (6, 1)
    assert found.accuracy == 7 / 8
    assert found.balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)
    assert found.p == pytest.approx(binomtest(1, 7).pvalue)
    low, high = found.difference_ci95
    assert low < 5 / 8 < high


def tree(root):
    """Drawn FER+ faces of all eight expressions, and tables of units that show them."""
    rng = np.random.default_rng(5)
    number = 0
    for part, each in (("train", 6), ("valid", 4)):
        names, images, votes = [], [], []
        table = AuTableWriter(root / f"{part}.csv", "drawn", UNITS)
        labels, activations = faces(8 * each, seed=number + 1)
        for label, row in zip(labels, activations, strict=True):
            names.append(f"fer{number:07d}.png")
            images.append(draw_face(rng, label == 1))
            votes.append([10 * (column == label) for column in range(10)])
            whole = {unit: float(row[AU_INDEX[unit]]) for unit in UNITS}
            values = au_values("drawn", whole, {}, 0.0, number % 7 > 0)
            table.write(names[-1], values if number % 11 else None)
            number += 1
        table.close()
        write_part(root / FOLDERS[part], names, images, votes)
    return root


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return tree(tmp_path_factory.mktemp("svm") / "data")


@pytest.fixture
def quick(monkeypatch):
    """One choice of machine and few thresholds, so that a fit takes a moment."""
    monkeypatch.setattr(au_svm, "_choose", lambda *_: Choice(1.0))
    monkeypatch.setattr(svm_stack, "THRESHOLDS", (0.0, 0.3))
    monkeypatch.setattr(svm_export, "SHARES", (0.0, 1.0))


NET = "khorrami2015-ferplus"


def test_from_tables_to_verdicts_through_the_commands(drawn, tmp_path, command, quick):
    folder = tmp_path / "au-svm-drawn"
    data = ("-d", drawn, "--bundle", NET)
    aus = ("--aus", drawn / "train.csv", "--valid-aus", drawn / "valid.csv")
    code, out, err = command("svm", "fit", *data, *aus, "-o", folder, "--json")
    assert (code, err) == (0, "")
    made = json.loads(out)
    bundle, svms, (odds,) = read_svm_bundle(folder, "drawn")
    assert made["units"] == list(bundle.units) == list(UNITS)
    assert bundle.decisions[0].expression == NET
    assert svms.weights.shape == (len(CONTESTS), 3, len(UNITS))
    assert odds.weights.shape[0] == 8
    kinds = {(one.protocol, one.algorithm) for one in bundle.results}
    assert kinds == {(p, name) for p in ("plurality", "majority") for name in (ALONE, *TUNERS)}
    assert all(one.tuned == "cross-fitted, 10 folds" for one in bundle.results)
    assert all(one.n == 32 and 0 < one.reliable < 32 for one in bundle.results)

    valid = ("--aus", drawn / "valid.csv", *data)
    code, out, _ = command("svm", "evaluate", folder, *valid, "--json")
    assert code == 0
    shipped = {one["algorithm"]: one for one in json.loads(out)}
    assert list(shipped) == [ALONE, "plain", "stacked"]
    assert shipped["stacked"]["accuracy"] >= shipped[ALONE]["accuracy"]

    asking = ("--with-aus", "--svm", folder)
    code, out, _ = command("evaluate", *valid, *asking, "--json")
    assert code == 0
    said = json.loads(out)
    used = shipped[bundle.decisions[0].use]
    assert said["accuracy"] == pytest.approx(shipped[ALONE]["accuracy"])
    assert said["accuracy_with_aus"] == used["accuracy"]
    for name in ("contested", "turned_right", "turned_wrong"):
        assert said[name] == used[name]
    turned = said["turned_right"] - said["turned_wrong"]
    assert said["accuracy_with_aus"] == pytest.approx(said["accuracy"] + turned / said["n"])

    code, out, _ = command("svm", "report", folder, "-o", tmp_path)
    assert code == 0
    page = (tmp_path / "au-svm.md").read_text()
    assert "| stacked |" in page
    assert "cross-fitted, 10 folds" in page
    listed = json.loads((tmp_path / "au-svm.json").read_text())["au-svm-drawn"]
    assert SvmBundle.model_validate(
        json.loads((folder / "bundle.json").read_text())
    ).results == tuple(type(bundle.results[0]).model_validate(one) for one in listed)


def test_tables_that_do_not_go_together_are_refused(drawn, tmp_path, command):
    other = tmp_path / "other.csv"
    other.write_text((drawn / "valid.csv").read_text().replace(",drawn,", ",another,"))
    data = ("-d", drawn, "--bundle", NET, "-o", tmp_path / "machines")
    train = ("--aus", drawn / "train.csv")
    code, _, err = command("svm", "fit", *data, *train, "--valid-aus", other)
    assert code == 2
    assert "different estimators: drawn, another" in err
    code, _, err = command("svm", "fit", *data, *train, "--valid-aus", drawn / "train.csv")
    assert code == 2
    assert "only 0 of the 32 pictures" in err
    assert not (tmp_path / "machines").exists()


def test_asking_needs_a_bundle_and_machines(drawn, command, monkeypatch):
    code, _, err = command("evaluate", "-d", drawn, "--run", drawn, "--with-aus")
    assert code == 2
    assert "--with-aus needs --bundle" in err
    data = ("-d", drawn, "--bundle", NET, "--aus", drawn / "valid.csv")
    code, _, err = command("evaluate", *data)
    assert code == 2
    assert "belong to --with-aus" in err
    code, _, err = command("evaluate", *data, "--with-aus", "--svm", find_bundle(NET))
    assert code == 2
    assert "not for 'au_svm'" in err
    monkeypatch.setattr("trainer.svm_evaluate.installed_bundles", lambda _: ())
    code, _, err = command("evaluate", *data, "--with-aus")
    assert code == 2
    assert "No installed bundle of machines is tuned" in err
