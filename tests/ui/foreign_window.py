"""Goes through the window as a user does, and gathers the texts; for a process of its own."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from au_fakes import values
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QDialog
from review_fakes import a_talk
from texts_seen import texts_seen
from ui_fakes import FakePipeline, FakeSource, Sources, a_face, a_frame, open_window

from ferdesk.bundle_store import list_bundles
from ferdesk.calibrate import RestWatch
from ferdesk.core.types import FaceResult, FrameResult, Reason, Verdict
from ferdesk.live.capture import SourceState
from ferdesk.profiles import NeutralProfile, save_profile
from ferdesk.queue.items import Item, totals
from ferdesk.sources.modes import Mode
from ferdesk.streams.choice import StreamChoice
from ferdesk.summary import Summary
from ferdesk.texts import tr
from ferdesk.ui.actions import ActionName
from ferdesk.ui.analyse import texts as queue_texts
from ferdesk.ui.main_window import MainWindow
from ferdesk.ui.models.about import about_bundle

PATIENCE_S = 30.0

seen: set[tuple[str, str]] = set()


def look() -> None:
    QApplication.processEvents()
    seen.update(texts_seen())


def wait(ready: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not ready():
        assert time.monotonic() < until, "it took too long"
        QApplication.processEvents()
        time.sleep(0.005)
    look()


def said(text: str, where: str) -> None:
    seen.add((where, text))


@contextmanager
def dialog(window: MainWindow, name: str, ask: Callable[[], object]) -> Iterator[QDialog]:
    """A dialog while it is open; its texts are taken when it is shown and before it is closed."""
    ask()
    wait(lambda: window.findChild(QDialog, name))
    shown = window.findChild(QDialog, name)
    assert isinstance(shown, QDialog)
    look()
    yield shown
    look()
    if window.findChild(QDialog, name) is not None:
        shown.close()
    QApplication.processEvents()


def judged(chosen: str, abstained: bool, reliable: bool = True) -> FaceResult:
    face = a_face()
    odds = face.probabilities
    why = () if abstained else (Reason(4, 0.4), Reason(12, -0.2))
    verdict = Verdict("fear", ("fear", "surprise"), chosen, abstained, 0.1, why, odds)
    units = values(5.0, {4: 0.5}, {12: (0.2, 0.4), 43: (0.1, 0.1)}, reliable, "fake units")
    return FaceResult(face.face, odds, odds, units, verdict, crop=face.crop)


def welcome(window: MainWindow) -> None:
    with dialog(window, "welcome", lambda: window.welcome(None)) as greeting:
        greeting.accept()
        QApplication.sendPostedEvents(greeting, QEvent.Type.DeferredDelete)
    wait(lambda: window.live.view.live is not None)


def live(window: MainWindow) -> None:
    one = window.live
    for label, abstained, reliable in (("surprise", False, True), ("fear", True, True)):
        one.panel.clear()
        one.panel.show_faces([judged(label, abstained, reliable)], 6.0)
        look()
    one.panel.clear()
    one.panel.show_faces([judged("fear", True, reliable=False)], 6.0)
    look()
    for count in (0, 8, 9):
        one.panel.show_faces([a_face(number) for number in range(1, count + 1)], 7.0)
        look()
    names: tuple[ActionName, ...] = ("pause", "pause", "units", "tint", "maps", "mirror")
    for name in (*names, "units", "tint", "maps", "mirror", "plots", "snapshot", "mark"):
        one.slots()[name]()
        look()
    wait(lambda: one.plots is not None and one.plots.who.count() > 1)
    for _ in range(3):
        window.next_theme()
        look()
    window.toggle_stage()
    one.stage.show_faces([a_face(1), a_face(2, "anger")], {})
    look()
    window.toggle_stage()
    one.picker.set_modes({"camera:0": [Mode(640, 480, 30.0)]})
    for phase in ("warning", "lost", "failed", "ended", "playing"):
        state = SourceState(phase, 1, "camera:0", message="⟦Why⟧")
        one._messages.tell("Fake camera", state)
        look()
    one._messages.opening("Fake camera")
    one.cameras._found([])
    look()
    window.report_unexpected("⟦Something⟧", "details")
    window.unexpected.show()
    look()
    assert window.unexpected.dialog is not None
    window.unexpected.dialog.close()


def recording(window: MainWindow) -> None:
    one = window.live
    one.recording.toggle()
    wait(lambda: window._worker.tap.recorder is not None)
    recorder = window._worker.tap.recorder
    wait(lambda: recorder is not None and recorder.state.frames)
    one.recording.mark()
    window.status.show_recording(one.recording.status())
    look()
    one.recording.stop()
    wait(lambda: one.banners.message("recording"))


def dialogs(window: MainWindow) -> None:
    one = window.live
    for name, ask in (
        ("outputs", one.outputs.choose),
        ("recording", one.recording.options),
        ("unitChooser", one.choose_units),
        ("naming", lambda: one.naming.ask(1)),
        ("shortcuts", window.show_shortcuts),
    ):
        with dialog(window, name, ask):
            pass
    with dialog(window, "preferences", window.show_settings) as settings:
        settings.sections.setCurrentRow(3)
        settings.search.setText("qqqq")
    with dialog(window, "models", window.show_models) as models:
        wait(lambda: models.list.count() > 4)
        for row in range(models.list.count()):
            models.list.setCurrentRow(row)
            look()
        models._verify()
        wait(lambda: models.banners.message("models"))
    for bundle in list_bundles():
        sections = about_bundle(bundle)
        for words in (*(one.heading for one in sections), *(row.term for row in sections[0].rows)):
            said(words, "about")
    neutral(window)


def neutral(window: MainWindow) -> None:
    for name, estimator in (("anna", "fake units"), ("bob", "others")):
        when = datetime(2026, 5, 4, tzinfo=UTC)
        about = {"seconds": 10.0, "values": 298, "recorded": when, "estimator": estimator}
        save_profile(NeutralProfile(name=name, baseline={25: 0.3}, spread={25: 0.0}, **about))
    with dialog(window, "neutral", window.live.calibrate) as faces:
        wait(lambda: faces.table.rowCount() == 2)
        faces.table.select("bob")
        look()
        faces.record_one()
        look()
        faces.wizard.begin()
        look()
        faces.wizard.feed(FrameResult(a_frame(), (), {}, time.monotonic_ns()))
        look()
        faces.wizard.cancel()

    watch = RestWatch(tr)
    for results in ((), (a_face(1), a_face(2)), (judged("fear", True, reliable=False),)):
        said(watch.look(FrameResult(a_frame(), results, {}, time.monotonic_ns())), "hint")


def analyse(window: MainWindow, folder: Path) -> None:
    window.go_analyse()
    space = window.analyse
    assert space is not None
    (folder / "clip.mp4").write_bytes(b"")
    space.add([str(folder / "clip.mp4")])
    wait(lambda: space.model.items)
    about = Summary(
        input="clip.mp4",
        frames=9,
        frames_with_face=3,
        faces_max=1,
        seconds=1,
        stage_ms={},
        faces_backend="landmarker",
        engine="openvino",
        bundle="fake-net",
        warning="⟦Slow⟧",
    )
    states = ("waiting", "running", "done", "failed", "cancelled", "before")
    items = [Item(at, "clip.mp4", state, in_run=True) for at, state in enumerate(states)]
    items += [Item(7, "clip.mp4", "running", frames=5), Item(8, "clip.mp4", stopping=True)]
    items += [Item(9, "clip.mp4", "done", frames=9, summary=about)]
    space.model.show_items(items)
    look()
    said(queue_texts.totals_text(totals(items, 3.0)), "totals")
    empty = about.model_copy(update={"faces_max": 0})
    said(queue_texts.faces_text(Item(1, "clip.mp4", summary=empty)), "faces")
    space.options.set_out(folder / "nowhere")
    space.options.open_folder()
    space.start_button.click()
    look()


def review(window: MainWindow, folder: Path) -> None:
    window.go_review()
    space = window.review
    assert space is not None
    wait(lambda: not space.sessions.words.text().endswith("…"))
    space.open(a_talk(folder))
    wait(lambda: space.page.opened is not None and space.page.plots.curves is not None)
    look()
    keys = space.page.slots()
    for name in ("next_change", "next_contest", "next_annotation", "change_before"):
        for _ in range(4):
            keys[name]()
            look()
    for name in ("set_out", "set_in", "second_on", "set_out", "annotate", "undo", "play"):
        keys[name]()
        look()
    notes = space.page.notes.model
    for column, text in enumerate(("?", "?", "words", "?", "?")):
        notes.setData(notes.index(0, column), text)
        look()
    with dialog(window, "shortcuts", window.show_shortcuts):
        pass
    space.close_session()
    wait(lambda: space.sessions.model.rowCount())
    window.look_at(folder / "missing.ferdesk")
    wait(lambda: space.banners.message("session"))


def walk(folder: Path, report: Path) -> None:
    """All of the window, on files in a folder; what was seen is written to a file."""
    app = QApplication([])
    with open_window(folder, Sources(camera_0=FakeSource), pipeline=FakePipeline()) as window:
        for part in (welcome, live, recording, dialogs):
            part(window)
        analyse(window, folder)
        review(window, folder)
        away = StreamChoice(lsl=True, osc=True, osc_host="10.0.0.1", websocket_host="10.0.0.1")
        for text in away.warnings(tr):
            said(text, "warnings")
    app.processEvents()
    report.write_text(json.dumps(sorted(seen)), encoding="utf-8")
