"""The model manager on the shipped bundles and on a user's folder."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from ferdesk import resources
from ferdesk.bundles import find_bundle
from ferdesk.core.bundle import MANIFEST, MODEL, sha256
from ferdesk.faces.store import CLASSIC, LANDMARKER
from ferdesk.ui import theme
from ferdesk.ui.live import PipelineState
from ferdesk.ui.models.about import about_bundle, as_html
from ferdesk.ui.models.dialog import KEY, ModelsDialog
from ferdesk.ui.worker import Jobs

pytestmark = pytest.mark.usefixtures("qapp")

STATE = PipelineState("classic", "fake", "compact-ferplus", "native au-native", "au-svm-native")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(resources, "user_data", lambda: tmp_path / "user")
    monkeypatch.delenv("FERDESK_MODELS", raising=False)
    return tmp_path / "user" / "bundles"


@pytest.fixture
def dialog(qtbot: QtBot) -> Iterator[ModelsDialog]:
    jobs = Jobs()
    dialog = ModelsDialog(jobs)
    dialog.set_colours(theme.DARK)
    dialog.show()
    qtbot.waitUntil(lambda: "compact-ferplus" in names(dialog))
    yield dialog
    dialog.close()
    assert jobs.close()


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A bundle that the user has somewhere."""
    folder = Path(shutil.copytree(find_bundle("khorrami2015-ferplus"), tmp_path / "somewhere"))
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**content, "name": "mine", "title": "<b>Mine</b>"}))
    return folder


def names(dialog: ModelsDialog) -> list[str]:
    texts = [dialog.list.item(row).text() for row in range(dialog.list.count())]
    return [text.strip() for text in texts]


def said(dialog: ModelsDialog) -> str:
    return dialog.banners.message(KEY) or ""


def test_all_kinds_are_listed_under_their_headings(dialog: ModelsDialog) -> None:
    assert names(dialog) == [
        *("Expression nets", "compact-ferplus", "khorrami2015-ferplus", "wide-ferplus"),
        *("Action units", "au-native"),
        *("SVMs for contested expressions", "au-svm-blendshapes", "au-svm-native"),
        *("Face models", "landmarker", "classic"),
    ]
    assert dialog.title.text() == "compact-ferplus"


def test_figures_stand_beside_part_protocol_and_n(dialog: ModelsDialog) -> None:
    text = dialog.details.toPlainText()
    folder = find_bundle("compact-ferplus")
    for word in (
        *("Barsoum", "FER2013", "for research use", "0.805", "Apache-2.0"),
        *("ferplus valid, plurality, n = 3,555", "accuracy 84.2% (83.0% to 85.4%)"),
        *("train, 28,385 images", MODEL, sha256(folder / MODEL), str(folder)),
    ):
        assert word in text
    dialog.select("au-native")
    assert "AU12" in dialog.details.toPlainText()
    assert "left out" in dialog.details.toPlainText()
    dialog.select("au-svm-native")
    assert "turned wrong" in dialog.details.toPlainText()


def test_what_runs_is_marked_and_cannot_be_chosen_again(dialog: ModelsDialog) -> None:
    dialog.pipeline_changed(STATE)
    marked = {name.split()[0] for name in names(dialog) if "in use" in name}
    assert marked == {"compact-ferplus", "au-native", "au-svm-native", "classic"}
    assert not dialog.use_button.isEnabled()


def test_a_net_and_machines_are_chosen(qtbot: QtBot, dialog: ModelsDialog) -> None:
    nets: list[str] = []
    machines: list[str] = []
    units: list[str] = []
    dialog.bundle_chosen.connect(nets.append)
    dialog.machines_chosen.connect(machines.append)
    dialog.units_chosen.connect(units.append)
    dialog.pipeline_changed(STATE._replace(au_estimator="blendshapes"))
    dialog.list.setFocus()
    qtbot.keyClick(dialog.list, Qt.Key.Key_Down)  # headings are stepped over
    assert dialog.title.text() == "khorrami2015-ferplus"
    dialog.use_button.click()
    dialog.select("au-svm-blendshapes")
    dialog.use_button.click()
    dialog.select("au-native")
    dialog.use_button.click()
    assert (nets, machines) == (["khorrami2015-ferplus"], ["au-svm-blendshapes"])
    assert units == ["au-native"]


def test_a_bundle_is_checked(qtbot: QtBot, dialog: ModelsDialog) -> None:
    dialog.verify_button.click()
    qtbot.waitUntil(lambda: said(dialog) == "compact-ferplus is whole.", timeout=30_000)


def test_a_bundle_is_added_shown_and_removed(
    qtbot: QtBot, dialog: ModelsDialog, mine: Path, home: Path
) -> None:
    changes: list[None] = []
    dialog.models_changed.connect(lambda: changes.append(None))
    dialog.add_folder(mine)
    qtbot.waitUntil(lambda: dialog.title.text() == "mine", timeout=30_000)
    assert "<b>Mine</b>" in dialog.details.toPlainText()
    assert "added by you" in dialog.details.toPlainText()
    assert (home / "mine" / MODEL).is_file()
    for answer, left in (("Keep", True), ("Delete", False)):
        dialog.remove_button.click()
        answer_question(qtbot, dialog, answer)
        qtbot.waitUntil(lambda left=left: (home / "mine").exists() == left)
    qtbot.waitUntil(lambda: "mine" not in names(dialog))
    assert len(changes) == 2


def answer_question(qtbot: QtBot, dialog: ModelsDialog, text: str) -> None:
    qtbot.waitUntil(lambda: bool(dialog.findChild(QMessageBox, "confirmRemove")))
    box = dialog.findChild(QMessageBox, "confirmRemove")
    next(one for one in box.findChildren(QPushButton) if one.text() == text).click()
    qtbot.waitUntil(lambda: not dialog.findChild(QMessageBox, "confirmRemove"))


def test_what_came_with_the_app_cannot_be_removed(dialog: ModelsDialog) -> None:
    assert not dialog.remove_button.isEnabled()


def test_a_bad_bundle_is_refused_with_the_reason(
    qtbot: QtBot, dialog: ModelsDialog, mine: Path
) -> None:
    (mine / MODEL).write_bytes(b"")
    dialog.add_folder(mine)
    qtbot.waitUntil(lambda: "altered or cut short" in said(dialog), timeout=30_000)
    assert "mine" not in names(dialog)


def test_face_models_are_checked(qtbot: QtBot, dialog: ModelsDialog) -> None:
    store = resources.face_model_folders()[0]
    store.mkdir(parents=True)
    (store / CLASSIC.landmarks.name).write_bytes(b"cut")
    dialog.select(CLASSIC.name)
    assert dialog.faces.isVisible()
    assert not dialog.use_button.isVisible()
    dialog.verify_button.click()
    qtbot.waitUntil(lambda: "altered or cut short" in said(dialog), timeout=30_000)
    assert "altered or cut short" in dialog.details.toPlainText()


def test_a_fetched_set_is_told(qtbot: QtBot) -> None:
    jobs = Jobs()
    dialog = ModelsDialog(jobs, fetch=lambda progress, report: LANDMARKER)
    dialog.show()
    dialog.select(LANDMARKER.name)
    with qtbot.waitSignal(dialog.models_changed):
        dialog.faces.fetch_button.click()
    dialog.close()
    assert jobs.close()


def test_a_stranger_s_words_are_no_markup(mine: Path) -> None:
    from ferdesk.bundle_store import add

    html = as_html(about_bundle(add(mine)))
    assert "<b>Mine</b>" not in html
    assert "&lt;b&gt;Mine&lt;/b&gt;" in html


def test_it_fits_a_small_screen(dialog: ModelsDialog) -> None:
    for name in ("compact-ferplus", "landmarker"):
        dialog.select(name)
        assert dialog.minimumSizeHint().width() <= 800
        assert dialog.minimumSizeHint().height() <= 600
