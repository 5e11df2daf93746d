"""BU-4DFE, the pictures that were taken along with its 3D scans.

L. Yin, X. Chen, Y. Sun, T. Worm, M. Reale. "A High-Resolution 3D Dynamic Facial Expression
Database." FG 2008. Each person shows each of six expressions once, from neutral to its peak and
back; beside every scan (.wrl), which is not read here, lies the picture of the same moment. Ali et
al. (2020) train their GAN on these before anything else.
"""

import re
from pathlib import Path
from typing import Final

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DataSet, Table, add_dataset
from trainer.datasets.listing import BadRows, make_table
from trainer.datasets.sequences import clips, roots, tops
from trainer.datasets.store import Store

NAME: Final = "bu4dfe"
SUBJECT: Final = re.compile(r"[FM]\d{3}", re.ASCII)
LABELS: Final = {
    "angry": EXPRESSIONS.index("anger"),
    "disgust": EXPRESSIONS.index("disgust"),
    "fear": EXPRESSIONS.index("fear"),
    "happy": EXPRESSIONS.index("happiness"),
    "sad": EXPRESSIONS.index("sadness"),
    "surprise": EXPRESSIONS.index("surprise"),
}


def read(path: Path, *, skip_bad: bool = False) -> Table:
    """All pictures that lie at `path`; see `trainer.datasets.base.Reader`.

    Args:
        path: the folder, or a zip, with the subjects' folders F001, M001 and so on.
        skip_bad: leave bad frames out, and list them, instead of stopping at the first.

    Raises:
        DataError: nothing there, another layout, or a frame that is misplaced or there twice.
    """
    bad = BadRows(skip_bad)
    samples = clips(_find(path), SUBJECT, LABELS, bad)
    return make_table(path, "pictures of the 3D sequences", samples, bad, cropped=False)


def _find(path: Path) -> Store:
    stores = roots(path)
    for store in stores:
        if any(SUBJECT.fullmatch(name) for name in tops(store)):
            return store
    found = ", ".join(tops(stores[0])[:5]) or "nothing"
    raise DataError(
        f"{path} is not laid out like BU-4DFE: expected F001/Angry/000.jpg and so on; "
        f"found {found}."
    )


add_dataset(
    DataSet(
        name=NAME,
        title="BU-4DFE (Yin et al. 2008), its pictures",
        where="from Binghamton University, after its licence agreement is signed",
        terms="licence agreement with Binghamton University: research only, not to be passed on",
        layout=("F001/Angry/000.jpg, M001/Surprise/099.jpg and so on, in a folder or a zip",),
        published={"images": 60600, "subjects": 101},
        source="Ali et al. 2020, section 4.1",
        read=read,
    )
)
