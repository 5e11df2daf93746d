import dataclasses
import math
import statistics
import time
from pathlib import Path

import numpy as np
import pytest
import svm_material as material
from svm_material import HAPPINESS, NEUTRAL, SADNESS, asking, stack, values

from ferdesk.bundles import find_bundle
from ferdesk.core.au_odds import terms
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.bundle import ModelBundle, read_bundle
from ferdesk.core.errors import BundleError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.svm_bundle import Asking
from ferdesk.core.types import FloatArray
from ferdesk.disambiguate import Disambiguator, Judge, Thresholds

CLOSE = np.array([0.45, 0.40, 0.03, 0.05, 0.02, 0.02, 0.02, 0.01], np.float32)
THREE = np.array([0.32, 0.30, 0.02, 0.28, 0.02, 0.02, 0.02, 0.02], np.float32)
CLEAR = np.array([0.90, 0.04, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01], np.float32)


def judge(how: Asking) -> Judge:
    return Judge(material.machines(), material.odds(), how)


def test_a_clear_winner_is_left_alone() -> None:
    verdict = judge(asking()).decide(CLEAR, values({12: 1.0}))
    assert (verdict.own, verdict.chosen, verdict.contested) == ("neutral", "neutral", ())
    assert not verdict.abstained
    assert verdict.margin == 0
    assert verdict.reasons == ()
    assert verdict.probabilities is CLEAR


@pytest.mark.parametrize("how", [asking(t2=0, t3=0), stack(t2=0, t3=0)], ids=["plain", "stacked"])
def test_thresholds_of_0_never_ask(how: Asking) -> None:
    even = np.full(8, 1 / 8, np.float32)
    assert judge(how).decide(even, values({12: 1.0})).contested == ()


def test_plain_pair_by_hand() -> None:
    # AU12 lies (0.75 - 0.5) / 0.25 = 1 deviation above its mean; the machine's weight for the first
    # of the two, neutral, is -2.
    verdict = judge(asking()).decide(CLOSE, values({12: 0.75}))
    assert verdict.contested == ("neutral", "happiness")
    assert (verdict.own, verdict.chosen) == ("neutral", "happiness")
    assert verdict.margin == pytest.approx(2.0)
    assert [(reason.au, reason.weight) for reason in verdict.reasons] == [(12, pytest.approx(2.0))]
    expected = CLOSE.copy()
    expected[[NEUTRAL, HAPPINESS]] = CLOSE[HAPPINESS], CLOSE[NEUTRAL]
    np.testing.assert_allclose(verdict.probabilities, expected)
    stays = judge(asking()).decide(CLOSE, values({12: 0.25}))
    assert stays.chosen == "neutral"
    assert stays.margin == pytest.approx(2.0)
    np.testing.assert_allclose(stays.probabilities, CLOSE)


def test_plain_triple_by_hand() -> None:
    how = asking(t2=0.0, t3=0.1)
    verdict = judge(how).decide(THREE, values({12: 0.75, 15: 0.75}))
    assert verdict.contested == ("neutral", "happiness", "sadness")
    assert verdict.chosen == "sadness"  # 3 against 2 and 0
    assert verdict.margin == pytest.approx(1.0)
    assert {reason.au: reason.weight for reason in verdict.reasons} == {
        15: pytest.approx(3.0),
        12: pytest.approx(-2.0),
    }
    expected = THREE.copy()
    expected[[SADNESS, NEUTRAL, HAPPINESS]] = THREE[[NEUTRAL, HAPPINESS, SADNESS]]
    np.testing.assert_allclose(verdict.probabilities, expected)


@pytest.mark.parametrize(("order", "count"), [("pairs-first", 2), ("triples-first", 3)])
def test_which_is_looked_for_first(order: str, count: int) -> None:
    how = asking(t2=0.2, t3=0.2, order=order)
    assert len(judge(how).decide(THREE, values({})).contested) == count
    # One that only the other threshold catches is caught all the same.
    assert len(judge(asking(t2=0.0, t3=0.2)).decide(THREE, values({})).contested) == 3
    assert len(judge(how).decide(CLOSE, values({})).contested) == 2


def test_stacked_pair_by_hand() -> None:
    log_odds = math.log(0.45 / 0.40)
    for activation, chosen in ((0.75, "happiness"), (0.51, "neutral")):
        verdict = judge(stack()).decide(CLOSE, values({12: activation}))
        margin = 2 * (activation - 0.5) / 0.25  # of the machine, for happiness
        score = 0.5 * margin - log_odds
        assert verdict.chosen == chosen
        assert verdict.margin == pytest.approx(0.5 * margin * (1 if score > 0 else -1), rel=1e-4)
        assert verdict.reasons[0].au == 12
        assert sum(reason.weight for reason in verdict.reasons) == pytest.approx(verdict.margin)
        share = (0.45 + 0.40) / (1 + math.exp(-score))
        assert verdict.probabilities[HAPPINESS] == pytest.approx(share, rel=1e-4)
        assert verdict.probabilities[SADNESS] == CLOSE[SADNESS]


def test_stacked_on_all_units_by_hand() -> None:
    verdict = judge(stack(evidence="units", units2=1.0)).decide(CLOSE, values({12: 0.64}))
    lead = (math.sqrt(0.64) - 0.5) / 0.25
    assert verdict.chosen == "happiness"
    assert verdict.margin == pytest.approx(lead, rel=1e-5)
    assert {reason.au: reason.weight for reason in verdict.reasons} == {
        12: pytest.approx(lead, rel=1e-5)
    }


def test_a_weak_lead_abstains() -> None:
    # 0.5 x 0.48 from the machine against 0.118 from the net: a lead of 0.12.
    weak = judge(stack(least=0.2)).decide(CLOSE, values({12: 0.56}))
    assert weak.abstained
    assert (weak.chosen, weak.contested) == ("neutral", ("neutral", "happiness"))
    assert weak.probabilities is CLOSE
    assert weak.reasons == ()
    strong = judge(stack(least=0.1)).decide(CLOSE, values({12: 0.56}))
    assert not strong.abstained
    assert strong.chosen == "happiness"


@pytest.mark.parametrize("how", [asking(), stack()], ids=["plain", "stacked"])
def test_units_that_cannot_be_read_abstain(how: Asking) -> None:
    unknown = values({12: 1.0})
    raw = unknown.raw.copy()
    raw[AU_INDEX[12]] = np.nan
    for aus in (
        None,
        values({12: 1.0}, reliable=False),
        dataclasses.replace(unknown, raw=raw),
    ):
        verdict = judge(how).decide(CLOSE, aus)
        assert verdict.abstained
        assert verdict.contested == ("neutral", "happiness")
        assert (verdict.own, verdict.chosen, verdict.margin) == ("neutral", "neutral", 0)
        assert verdict.reasons == ()
        assert verdict.probabilities is CLOSE


def test_what_a_contest_does_not_see_may_be_unknown() -> None:
    known = values({12: 0.9})
    raw = known.raw.copy()
    raw[AU_INDEX[15]] = np.nan  # sadness's, anger's and disgust's
    verdict = judge(asking()).decide(CLOSE, dataclasses.replace(known, raw=raw))
    assert verdict.chosen == "happiness"
    assert math.isfinite(verdict.margin)


def test_the_person_s_own_neutral_does_not_count() -> None:
    known = values({12: 0.9})
    less = dataclasses.replace(known, activation=np.zeros_like(known.raw))
    assert judge(asking()).decide(CLOSE, less).chosen == "happiness"


def test_a_contest_whose_units_the_estimator_lacks_abstains() -> None:
    units = (12, 15, 16)  # of these, surprise and fear have none
    silent = Judge(material.machines(units), material.odds(units), asking())
    fearful = np.array([0.02, 0.02, 0.44, 0.02, 0.03, 0.03, 0.42, 0.02], np.float32)
    verdict = silent.decide(fearful, values({16: 0.5}))
    assert verdict.contested == ("surprise", "fear")
    assert verdict.abstained
    assert not silent.decide(CLOSE, values({16: 0.5})).abstained


@pytest.mark.parametrize(
    "how",
    [
        asking(t2=1.0),
        asking(t3=1.0, order="triples-first"),
        stack(t2=1.0),
        stack(t3=1.0, order="triples-first", own3=0.3, units3=2.0),
        stack(t2=1.0, evidence="units"),
    ],
)
def test_probabilities_sum_to_1_and_the_chosen_has_most(how: Asking) -> None:
    rng = np.random.default_rng(4)
    asked = judge(how)
    for _ in range(200):
        raw = rng.dirichlet(np.ones(8)).astype(np.float32)
        verdict = asked.decide(raw, values({12: rng.random(), 15: rng.random()}))
        assert verdict.probabilities.dtype == np.float32
        assert verdict.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert EXPRESSIONS[verdict.probabilities.argmax()] == verdict.chosen
        assert verdict.chosen in verdict.contested
        assert verdict.own == verdict.contested[0]


def test_products_of_units_are_terms() -> None:
    np.testing.assert_array_equal(
        terms(np.array([[2.0, 3.0, 5.0]])), [[1, 2, 3, 5, 4, 6, 10, 9, 15, 25]]
    )


@pytest.fixture(scope="module")
def expression() -> ModelBundle:
    found = read_bundle(find_bundle("khorrami2015-ferplus"), ModelBundle)
    return found.model_copy(
        update={"name": "a-net", "files": {**found.files, "model.onnx": material.MODEL_HASH}}
    )


def test_a_bundle_decides_as_its_entry_says(tmp_path: Path, expression: ModelBundle) -> None:
    folder = material.write(tmp_path / "machines")
    stacked = Disambiguator(folder, expression, "drawn")
    plain = Disambiguator(folder, expression, "drawn", "plain")
    slight = values({12: 0.51})
    assert stacked.decide(CLOSE, slight).chosen == "neutral"
    assert plain.decide(CLOSE, slight).chosen == "happiness"


def test_the_user_s_thresholds_stand_in_for_the_bundle_s(
    tmp_path: Path, expression: ModelBundle
) -> None:
    folder = material.write(tmp_path / "machines")

    def contested(thresholds: Thresholds, raw: FloatArray) -> int:
        made = Disambiguator(folder, expression, "drawn", thresholds=thresholds)
        return len(made.decide(raw, values({12: 0.75})).contested)

    as_tuned = Disambiguator(folder, expression, "drawn").bundle.decisions[0].stacked
    assert contested(Thresholds(), CLOSE) == 2
    assert as_tuned.t2 > 0.05
    assert contested(Thresholds(t2=0.04, t3=0), CLOSE) == 0
    assert contested(Thresholds(t2=0.06, t3=0), CLOSE) == 2
    assert contested(Thresholds(t2=0, t3=0.05), THREE) == 3
    assert contested(Thresholds(t2=1, t3=0), CLEAR) == 2
    assert Thresholds().of(as_tuned) == as_tuned
    mixed = Disambiguator(folder, expression, "drawn", thresholds=Thresholds(t2=0.04))
    assert mixed.thresholds == (0.04, as_tuned.t3)


def test_another_net_or_estimator_is_refused(tmp_path: Path, expression: ModelBundle) -> None:
    folder = material.write(tmp_path / "machines")
    with pytest.raises(BundleError, match="cannot judge those of 'blendshapes'"):
        Disambiguator(folder, expression, "blendshapes")
    other = expression.model_copy(
        update={"name": "other", "files": {**expression.files, "model.onnx": "b" * 64}}
    )
    with pytest.raises(BundleError, match="not tuned for the net of other"):
        Disambiguator(folder, other, "drawn")


@pytest.mark.parametrize("how", [asking(), stack(), stack(evidence="units")])
def test_a_verdict_is_quick(how: Asking) -> None:
    asked, aus = judge(how), values({12: 0.75})
    took = []
    for _ in range(200):
        started = time.perf_counter()
        asked.decide(CLOSE, aus)
        took.append(time.perf_counter() - started)
    assert statistics.median(took) < 0.5e-3
