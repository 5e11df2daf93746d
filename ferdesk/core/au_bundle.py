"""The bundle of an action-unit net: what it gives, and how well, unit by unit."""

from typing import ClassVar, Final, Literal

from pydantic import Field, PositiveInt, field_validator

from ferdesk.core.aus import AU_INDEX, unit
from ferdesk.core.bundle import MODEL, REFERENCE, Bundle, InputSpec, OutputSpec, Strict

ACTIVATIONS: Final = "activations"
"""The net's one output, (n, outputs) float32, 0..1."""

Side = Literal["", "left", "right"]


class AuOutput(Strict):
    """What one number of the net's output is.

    Attributes:
        au: the unit's number.
        side: the person's own side, or "" for a unit without sides.
    """

    au: int
    side: Side = ""

    @field_validator("au")
    @classmethod
    def _known(cls, au: int) -> int:
        if au not in AU_INDEX:
            raise ValueError(f"there is no AU{au} in the table")
        return au


class AuMetric(Strict):
    """How near a unit's activation comes to that of the estimator it was learnt from.

    Attributes:
        au: the unit's number.
        dataset: whose pictures.
        part: which of them, in words: what was held back.
        n: how many faces.
        r: Pearson's correlation.
        mae: mean absolute error, in units of activation.
        shipped: whether the net gives it; units that came out too badly are listed and left out.
    """

    au: int
    dataset: str
    part: str
    n: PositiveInt
    r: float = Field(ge=-1, le=1)
    mae: float = Field(ge=0)
    shipped: bool


class AuBundle(Bundle):
    """An action-unit net.

    `files` has model.onnx and reference.npz (`x`, `activations`); `labels` say what each number of
    its output is. A paired unit has both of its sides, or none.
    """

    NEEDED: ClassVar = (MODEL, REFERENCE)

    task: Literal["action_units"]
    labels: tuple[AuOutput, ...] = Field(min_length=1)
    input: InputSpec
    outputs: tuple[OutputSpec, ...]
    metrics: tuple[AuMetric, ...]

    @field_validator("labels")
    @classmethod
    def _whole(cls, labels: tuple[AuOutput, ...]) -> tuple[AuOutput, ...]:
        if len(set(labels)) != len(labels):
            raise ValueError("an output is listed twice")
        for au in {label.au for label in labels}:
            sides = {label.side for label in labels if label.au == au}
            if sides != {""} and not (unit(au).paired and sides == {"left", "right"}):
                raise ValueError(f"AU{au} needs both sides or none")
        return labels

    @property
    def units(self) -> tuple[int, ...]:
        """Numbers of the units that it gives, ascending."""
        return tuple(sorted({label.au for label in self.labels}))
