"""Data sets, one file each, and the protocols that turn their labels into targets."""

from trainer.datasets import (  # noqa: F401  (they enter themselves)
    bu4dfe,
    ckplus,
    fer2013,
    ferplus,
    folds_drawn,
    imdbwiki,
    jaffe,
    mmi,
    oulu,
    photographs,
    sfew,
    table,
    tfd,
)
from trainer.datasets.base import DATASETS, DataSet, Faces, Sample, Table

__all__ = ["DATASETS", "DataSet", "Faces", "Sample", "Table"]
