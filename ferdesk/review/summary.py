"""A session in a few lines, from its columns."""

from collections import Counter
from collections.abc import Iterable

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.review.columns import PersonColumns
from ferdesk.review.opening import Opened
from ferdesk.sessions.overview import UNKNOWN, Overview


def overview_of(opened: Opened, people: Iterable[PersonColumns]) -> Overview:
    """The same as `ferdesk.sessions.overview.overview` of what was read already."""
    names = (*EXPRESSIONS, UNKNOWN)  # the last is found by -1
    labels = {
        person.face_id: Counter(
            {
                names[label]: int((person.labels() == label).sum())
                for label in set(person.labels().tolist())
            }
        )
        for person in people
    }
    timeline = opened.timeline
    return Overview(
        opened.folder, opened.meta, len(timeline), timeline.seconds, labels, opened.notes
    )
