"""The one home of expression labels: their order, and how each data set maps onto it."""

from typing import Final

EXPRESSIONS: Final = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
)
"""The canonical order (FER+'s). Every probability vector in the project follows it."""

UNSURE: Final = "unsure"
"""What is shown, never stored, where the most probable expression is too little probable."""

FERPLUS_VOTES: Final = (*EXPRESSIONS, "unknown", "not-a-face")
"""The ten vote columns of FER+'s label.csv (Barsoum et al. 2016)."""
