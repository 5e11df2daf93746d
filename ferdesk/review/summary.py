"""A session in a few lines, from its columns."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.review.columns import PersonColumns
from ferdesk.review.opening import Opened
from ferdesk.sessions.overview import UNKNOWN, Overview


def overview_of(opened: Opened, people: Iterable[PersonColumns]) -> Overview:
    """What `ferdesk.sessions.overview.overview` gives, of what was read already.

    Annotations are left out: they have a table of their own.
    """
    labels = {person.face_id: _counted(person) for person in people}
    timeline = opened.timeline
    return Overview(opened.folder, opened.meta, len(timeline), timeline.seconds, labels, ())


def _counted(person: PersonColumns) -> Counter[str]:
    names = (*EXPRESSIONS, UNKNOWN)  # the last is that of -1
    labels, counts = np.unique(person.labels(), return_counts=True)
    return Counter(
        {names[label]: count for label, count in zip(labels, counts.tolist(), strict=True)}
    )
