"""Oulu-CASIA, its part in visible light and strong illumination.

G. Zhao, X. Huang, M. Taini, S. Z. Li, M. Pietikäinen. "Facial expression recognition from
near-infrared videos." Image and Vision Computing 29(9), 2011. Each person shows each of six
expressions once, from neutral to its peak; the papers use what the camera for visible light (VL)
took under strong light (Ding et al. 2017, section IV-D; Ali et al. 2020, section 4.2). All frames
are listed; which of them count is the protocol's matter.
"""

import re
from pathlib import Path
from typing import Final

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DataSet, Table, add_dataset
from trainer.datasets.listing import BadRows, make_table
from trainer.datasets.sequences import below, clips, roots, tops
from trainer.datasets.store import FolderStore, Store

NAME: Final = "oulu"
SUBJECT: Final = re.compile(r"P\d{3}", re.ASCII)
LABELS: Final = {
    word: EXPRESSIONS.index(word)
    for word in ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
}

_LIGHT: Final = "Strong"
_CAMERAS: Final = {"VL": False, "VL_Acropped": True}
"""The folders of the camera for visible light, and whether they hold cropped faces."""
_ABOVE: Final = {
    # Whole pictures first: where both lie, the app's own crop is the better one to train on.
    "VL": ("OriginalImg/", ""),
    "VL_Acropped": ("PreProcess Img/", "PreProcess_Img/", "PreProcessImg/", "PreProcess/", ""),
}
_EXPECTED: Final = (
    "expected OriginalImg/VL/Strong/P001/Anger/000.jpeg and so on, or the same with "
    "'PreProcess Img/VL_Acropped' for OriginalImg/VL"
)


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All frames in visible, strong light that lie at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: the database's folder or zip, or its folder OriginalImg, VL, VL_Acropped or Strong.
            Where whole and cropped pictures lie there, the whole ones are read.
        skip_bad: leave bad frames out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, or a frame that is misplaced or there twice.
    """
    folder, store, cropped = _find(path)
    bad = BadRows(skip_bad)
    samples = clips(store, SUBJECT, LABELS, bad)
    return make_table(path, f"{folder}, strong light", samples, bad, cropped=cropped)


def _find(path: Path) -> tuple[str, Store, bool]:
    """The camera's folder, the one with the subjects in it, and whether they are faces already."""
    stores = roots(path)
    for store in stores:
        for camera, cropped in _CAMERAS.items():
            for above in _ABOVE[camera]:
                inner = below(store, f"{above}{camera}/{_LIGHT}")
                if inner is not None:
                    return above + camera, inner, cropped
    own = path.resolve()
    if isinstance(stores[0], FolderStore):
        if own.name == _LIGHT and own.parent.name in _CAMERAS:
            return own.parent.name, stores[0], _CAMERAS[own.parent.name]
        inner = below(stores[0], _LIGHT)
        if own.name in _CAMERAS and inner is not None:
            return own.name, inner, _CAMERAS[own.name]
    found = ", ".join(tops(stores[0])[:5]) or "nothing"
    raise DataError(f"{path} is not laid out like Oulu-CASIA: {_EXPECTED}; found {found}.")


add_dataset(
    DataSet(
        name=NAME,
        title="Oulu-CASIA NIR&VIS (Zhao et al. 2011), visible and strong light",
        where="from the University of Oulu, after its licence agreement is signed",
        terms="licence agreement with the University of Oulu: research only, not to be passed on",
        layout=(
            "OriginalImg/VL/Strong/P001/Anger/000.jpeg and so on, in a folder or a zip",
            "PreProcess Img/VL_Acropped/Strong/P001/Anger/000.jpeg and so on: faces that are cut "
            "out already",
            "one of these folders itself: OriginalImg, VL, VL_Acropped or Strong",
        ),
        # Ding et al. 2017 count images too (table II), but only the last three of each sequence.
        published={"subjects": 80, "sequences": 480},
        source="Ding et al. 2017, section IV-D; Ali et al. 2020, section 4.2",
        read=read,
    )
)
