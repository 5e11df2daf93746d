"""The bundle of action-unit machines: whose units they judge, how they decide, and how well.

One set of machines belongs to one estimator of action units. When to ask them, and what their word
weighs, depends on the expression net: the bundle has an entry for each net that this was tuned for.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from ferdesk.core.au_odds import UnitOdds
from ferdesk.core.au_svm import AuSvms
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.bundle import Bundle, ExpressionLabels, Sha256, Strict, read_bundle
from ferdesk.core.errors import BundleError
from ferdesk.core.svm_file import ARRAYS, read_arrays

SVMS: Final = "svm.npz"
Algorithm = Literal["plain", "stacked"]
Order = Literal["pairs-first", "triples-first"]
Evidence = Literal["machines", "units"]

_Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e3, le=1e3)]
_Weight = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1e3)]
_Threshold = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)]
_Share = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)]


class ArrayNote(Strict):
    """What an array of svm.npz is, for readers.

    Attributes:
        shape: its axes' lengths.
        meaning: what it holds.
    """

    shape: tuple[NonNegativeInt, ...]
    meaning: str


class Asking(Strict):
    """When an answer counts as contested (Kyritsis, figure 8.1).

    Attributes:
        t2: the top two contest it if their probabilities differ by less; 0 for never.
        t3: the top three contest it if the first's and the third's do; 0 for never.
        order: whether two or three are looked for first.
    """

    t2: _Threshold
    t3: _Threshold
    order: Order


class Stack(Asking):
    """What the net's word and the units' weigh where an answer is contested.

    An expression's score is `own` x its log probability + `units` x its evidence; the largest wins.
    The weights are those of a logistic regression on images that neither has learnt from.

    Attributes:
        evidence: "machines": the margins of the contest's machines; "units": the log-odds of all
            units together.
        own2: weight of the net's log-odds between two.
        units2: weight of the evidence between two.
        own3: weight of the net's log-odds among three.
        units3: weight of the evidence among three.
        least: a lead in score that is smaller says nothing: the net's answer stays as it is.
    """

    evidence: Evidence
    own2: _Weight
    units2: _Weight
    own3: _Weight
    units3: _Weight
    least: _Weight

    def weights(self, contested: int) -> tuple[float, float]:
        """The net's weight and the machines', between two or among three."""
        return (self.own2, self.units2) if contested == 2 else (self.own3, self.units3)


class Decision(Strict):
    """How the machines decide beside one expression net.

    Attributes:
        expression: that bundle's name, for people.
        model: SHA-256 of its model.onnx; the thresholds fit no other net.
        use: which of the two algorithms the app takes.
        plain: the thesis's, where the machine alone decides.
        stacked: where it is weighed against the net's own odds.
    """

    expression: str
    model: Sha256
    use: Algorithm
    plain: Asking
    stacked: Stack


class SvmResult(Strict):
    """What the machines did to one net's answers on one set of images.

    Attributes:
        expression: the net's bundle.
        estimator: whose action units.
        dataset: whose images.
        part: which of them.
        protocol: how their labels were made.
        tuned: what thresholds and weights were chosen on, in words.
        algorithm: "net alone", "plain pairs", "plain pairs and triples", "stacked machines" or
            "stacked units".
        n: how many images.
        reliable: on how many of them the units could be read; elsewhere the net alone answers.
        accuracy: over all n.
        balanced_accuracy: mean recall of the expressions that occur.
        contested: how many answers were contested where the units could be read.
        turned_right: wrong answers of the net's that became right.
        turned_wrong: right ones that became wrong.
        p: exact two-sided McNemar test of the two.
        difference_ci95: bootstrap interval of the gain in accuracy over the net alone.
    """

    expression: str
    estimator: str
    dataset: str
    part: str
    protocol: str
    tuned: str
    algorithm: str
    n: PositiveInt
    reliable: NonNegativeInt
    accuracy: _Share
    balanced_accuracy: _Share
    contested: NonNegativeInt
    turned_right: NonNegativeInt
    turned_wrong: NonNegativeInt
    p: _Share
    difference_ci95: tuple[_Finite, _Finite]


class SvmBundle(Bundle):
    """Pair and triple machines on one estimator's action units.

    `files` has svm.npz, whose arrays `ferdesk.core.svm_file.ARRAYS` explains.

    Attributes:
        labels: the expressions in the canonical order.
        estimator: the estimator's name, `AuEstimator.name`.
        units: numbers of the units, ascending: the columns of the arrays.
        arrays: what svm.npz holds.
        decisions: one entry an expression net.
        results: what was measured.
    """

    NEEDED: ClassVar = (SVMS,)

    task: Literal["au_svm"]
    labels: ExpressionLabels
    estimator: str = Field(min_length=1, max_length=200)
    units: tuple[int, ...] = Field(min_length=1)
    arrays: dict[str, ArrayNote]
    decisions: tuple[Decision, ...]
    results: tuple[SvmResult, ...]

    @field_validator("units")
    @classmethod
    def _known(cls, units: tuple[int, ...]) -> tuple[int, ...]:
        if foreign := [number for number in units if number not in AU_INDEX]:
            raise ValueError(f"there is no AU{foreign[0]} in the table")
        if list(units) != sorted(set(units)):
            raise ValueError("units must ascend, none twice")
        return units

    @model_validator(mode="after")
    def _whole(self) -> "SvmBundle":
        if set(self.arrays) != set(ARRAYS):
            raise ValueError(f"arrays must be {', '.join(ARRAYS)}")
        models = [decision.model for decision in self.decisions]
        if len(set(models)) != len(models):
            raise ValueError("there are two decisions for one net")
        return self


def read_svm_bundle(folder: Path, estimator: str) -> tuple[SvmBundle, AuSvms, tuple[UnitOdds, ...]]:
    """Read and check a bundle and its arrays.

    Args:
        folder: the bundle's folder.
        estimator: the name of the estimator whose values are to be judged.

    Returns:
        The description, the machines, and the odds of all units beside each decision's net.

    Raises:
        BundleError: it is not sound, or belongs to another estimator.
    """
    bundle = read_bundle(folder, SvmBundle)
    if bundle.estimator != estimator:
        raise BundleError(
            f"{folder} was learnt from the action units of {bundle.estimator!r} and cannot judge "
            f"those of {estimator!r}: choose that estimator, or another bundle of machines."
        )
    svms, odds = read_arrays(folder / SVMS, bundle.units, len(bundle.decisions))
    return bundle, svms, odds
