"""The words of the first start are those of the documentation."""

import pytest
from material import ROOT

from ferdesk.notices import NOTICES, Notice


@pytest.mark.parametrize("notice", NOTICES, ids=lambda notice: notice.heading)
def test_the_documentation_says_the_same(notice: Notice) -> None:
    sections = (ROOT / "docs" / "data.md").read_text(encoding="utf-8").split("\n## ")
    found = dict(section.split("\n", 1) for section in sections)
    assert " ".join(found[notice.heading].split()) == notice.text
