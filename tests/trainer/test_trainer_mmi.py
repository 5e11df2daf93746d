import pickle

import numpy as np
import pytest
from dataset_trees import crop, drawing, save
from dataset_trees_b import decoded, make_clip, mmi_session, unit_xml

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets import DATASETS, video
from trainer.datasets.base import DROPPED
from trainer.datasets.faces import gather
from trainer.datasets.mmi import read

BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>'


@pytest.fixture
def root(tmp_path):
    mmi_session(tmp_path, 1, "S001-001", emotion=4)
    mmi_session(tmp_path, 12, "S002-003", emotion=1, subject="2", frames=5)
    return tmp_path


def test_all_frames_of_all_sessions(root):
    table = read(root)
    assert table.layout == "sessions, frontal views; left out 0 other views"
    assert (len(table.samples), table.cropped, table.skipped) == (14, False, ())
    assert DATASETS.get("mmi").read is read
    first, last = table.samples[0], table.samples[-1]
    assert (first.name, first.sequence) == ("1/S001-001.avi#0", "1/S001-001.avi")
    assert (first.subject, first.frame, first.frames) == ("1", 0, 9)
    assert (last.subject, last.frame, last.frames) == ("2", 4, 5)
    assert [EXPRESSIONS[s.label] for s in (first, last)] == ["happiness", "anger"]
    copies = pickle.loads(pickle.dumps(table.samples))  # noqa: S301
    assert [decoded(copies[i].picture()) for i in (8, 0, 13, 4, 5)] == [8, 0, 4, 4, 5]
    faces = gather("mmi", "all", table.samples, table, 16, crop=crop)
    assert faces.images.shape == (14, 16, 16)
    assert [s.name for s in read(root / "Sessions").samples] == [s.name for s in table.samples]


@pytest.mark.parametrize(
    ("emotion", "label"),
    [(1, "anger"), (2, "disgust"), (3, "fear"), (4, "happiness"), (5, "sadness"), (6, "surprise")],
)
def test_emotions(tmp_path, emotion, label):
    mmi_session(tmp_path, 1, emotion=emotion, frames=2)
    assert {EXPRESSIONS[s.label] for s in read(tmp_path).samples} == {label}


def test_no_basic_emotion(root):
    mmi_session(root, 12, "S002-003", emotion=9, subject="2", frames=5)
    (root / "Sessions/1/S001-001.xml").unlink()
    assert {s.label for s in read(root).samples} == {DROPPED}


def test_other_views_are_left_out(root):
    mmi_session(root, 13, "S002-004", view="1", subject="2")
    mmi_session(root, 14, "S002-005", view="2", subject="2")
    table = read(root)
    assert table.layout == "sessions, frontal views; left out 2 other views"
    assert len(table.samples) == 14


def test_people_by_the_clips_names_where_a_session_names_none(root):
    mmi_session(root, 13, "S007-001", subject="", frames=2)
    assert {s.subject for s in read(root).samples} == {"S001", "S002", "S007"}
    mmi_session(root, 14, "clip", subject="", frames=2)
    with pytest.raises(DataError, match=r"14/clip\.avi: who is it\?"):
        read(root)
    assert len(read(root, skip_bad=True).skipped) == 1


def test_action_units_by_phase(root):
    markers = [(1, 0), (3, 1), (5, 2), (6, 3), (8, 0)]
    unit_xml(root / "Sessions/1", "S001-001", {12: markers, "R25": [(4, 2)], "6": []})
    units = [dict(s.aus) for s in read(root).samples[:9]]
    assert [12 in u for u in units] == [False, False, True, True, True, True, True, False, False]
    assert [25 in u for u in units] == [False] * 3 + [True] * 6
    assert [6 in u for u in units] == [False] * 3 + [True] * 3 + [False] * 3  # as a whole: middle
    assert units[4] == {12: 1.0, 25: 1.0, 6: 1.0}


def test_action_units_of_a_clip_belong_to_the_frames_that_the_protocol_picks(tmp_path):
    session = mmi_session(tmp_path, 1, frames=4)
    unit_xml(session, "S001-001", {6: []})
    assert [bool(s.aus) for s in read(tmp_path).samples] == [True, True, True, False]


def test_photograph(root):
    folder = root / "Sessions" / "20"
    save(folder / "S003-001.jpg", drawing(1, 40))
    (folder / "session.xml").write_text('<session><subject id="3"/></session>')
    sample = read(root).samples[-1]
    assert (sample.name, sample.subject, sample.sequence) == ("20/S003-001.jpg", "3", "")
    assert sample.picture().shape == (40, 40, 3)


def test_wrong_layout(tmp_path):
    (tmp_path / "clips").mkdir()
    with pytest.raises(DataError, match=r"expected Sessions/1/ and so on.*found clips\."):
        read(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("S001-001.xml", BOMB, "declares a document type"),
        ("S001-001.xml", BOMB.encode("utf-16"), "declares a document type"),
        ("S001-001.xml", BOMB.encode("utf-16-le"), "declares a document type"),
        ("session.xml", BOMB.replace('1.0"', '1.0" encoding="latin-1"'), "well-formed|document"),
        ("session.xml", "<session>", "not well-formed XML"),
        ("S001-001.xml", b"\xff\x00\x01", "not well-formed XML"),
        ("S001-001.xml", b"<?xml version='1.0' encoding='none'?><a/>", "not well-formed XML"),
        ("S001-001.xml", b"<?xml version='1.0' encoding='utf-7'?><a/>", "not well-formed XML"),
        ("S001-001.xml", "<s><Metatag Name='Emotion' Value='happy'/></s>", "Emotion is 'happy'"),
        ("S001-001-oao_aucs.xml", "<s><ActionUnit Number='../1'/></s>", r"the Number '\.\./1'"),
        (
            "S001-001-oao_aucs.xml",
            "<s><ActionUnit Number='1'><Marker Frame='x' Type='1'/></ActionUnit></s>",
            "a Marker lacks its Frame or Type",
        ),
        ("S001-001.xml", " " * 2_000_001, "is larger than 2,000,000 bytes"),
        ("S001-001.avi", b"RIFF nothing", r"Cannot open .*S001-001\.avi as a video"),
        ("S001-001.avi", None, "Sessions/1 has no clip: expected one of .avi"),
    ],
)
def test_bad_session_stops_or_is_skipped(root, name, content, message):
    file = root / "Sessions" / "1" / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message) as caught:
        read(root)
    assert "\n" not in str(caught.value)
    table = read(root, skip_bad=True)
    assert (len(table.samples), len(table.skipped)) == (5, 1)


def test_xml_in_other_encodings(root):
    file = root / "Sessions" / "1" / "S001-001.xml"
    text = file.read_text().replace("Comment", "é").replace("UTF-8", "ISO-8859-1")
    file.write_bytes(text.encode("latin-1"))
    assert EXPRESSIONS[read(root).samples[0].label] == "happiness"


@pytest.mark.parametrize(
    ("name", "codec", "form", "options"),
    [
        ("a.avi", "mpeg4", None, {}),
        ("a.mp4", "libx264", None, {"bf": "2", "crf": "10"}),
        ("a.mp4", "libx264", None, {"bf": "2", "crf": "10", "x264-params": "open-gop=1"}),
        ("a.mpg", "mpeg2video", "vob", {"bf": "2"}),
        ("a.mpg", "mpeg1video", "mpeg1video", {}),  # raw: without times
    ],
)
def test_any_frame_in_any_order(tmp_path, name, codec, form, options):
    path = make_clip(tmp_path / name, 90, codec, form=form, options=options)
    assert video.count_frames(path) == 90
    order = [0, 1, 2, 89, 40, 41, 3, 3, 60, 88, *range(20, 32), 0]
    order += np.random.default_rng(1).permutation(90)[:20].tolist()
    assert [decoded(video.frame(path, i)()) for i in order] == order


def test_far_frames_are_jumped_to(tmp_path, monkeypatch):
    path = make_clip(tmp_path / "a.avi", 200)
    given = []
    original = video._decoded

    def counted(container, stream):
        for frame in original(container, stream):
            given.append(1)
            yield frame

    monkeypatch.setattr(video, "_decoded", counted)
    assert decoded(video.frame(path, 190)()) == 190
    assert len(given) <= 24  # from the key frame before it
    assert decoded(video.frame(path, 191)()) == 191
    assert len(given) <= 25


def test_frame_that_is_not_there(tmp_path):
    path = make_clip(tmp_path / "a.avi", 10)
    with pytest.raises(DataError, match=r"a\.avi has 10 frames, no frame 10"):
        video.frame(path, 10)()
    read_it = video.frame(path, 3)
    path.unlink()
    with pytest.raises(DataError, match="No such file"):
        read_it()


def test_clip_that_was_replaced(tmp_path):
    path = make_clip(tmp_path / "a.avi", 10)
    assert decoded(video.frame(path, 9)()) == 9
    make_clip(path, 5)
    with pytest.raises(DataError, match="has 5 frames"):
        video.frame(path, 9)()


def test_damaged_clip(tmp_path):
    """Every frame is right, told to be missing, or at worst smeared; never another one's."""
    path = make_clip(tmp_path / "a.mp4", 40, "libx264", options={"bf": "2"})
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 60] = bytes(60)
    path.write_bytes(data)
    told = 0
    for i in range(40):
        try:
            video.frame(path, i)()
        except DataError as error:
            told += 1
            assert f"Frame {i} of" in str(error)
    assert told < 40


def test_too_many_frames(tmp_path, monkeypatch):
    path = make_clip(tmp_path / "a.avi", 10)
    monkeypatch.setattr(video, "MAX_FRAMES", 9)
    with pytest.raises(DataError, match="has 10 frames; expected 1 to 9"):
        video.count_frames(path)
    with pytest.raises(DataError, match="more than 9 frames"):
        video.frame(path, 1)()


def test_too_many_pixels(tmp_path, monkeypatch):
    path = make_clip(tmp_path / "a.avi", 3)
    monkeypatch.setattr(video, "_MAX_PIXELS", 1000)
    with pytest.raises(DataError, match="64 x 48 pixels; more than 1,000"):
        video.count_frames(path)
