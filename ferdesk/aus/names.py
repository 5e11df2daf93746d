"""What the estimators are called; importing this costs nothing, so that command lines can."""

from typing import Final, Literal, get_args

EstimatorName = Literal["native", "blendshapes"]
ESTIMATORS: Final[tuple[EstimatorName, ...]] = get_args(EstimatorName)
NATIVE_BUNDLE: Final = "au-native"
"""The native net that comes with the app."""
