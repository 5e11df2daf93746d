from dataclasses import replace

import pytest
from dataset_trees import CK_EMOTIONS, ck48_tree, ckplus_tree, clips, no_picture

from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DROPPED, PARTS, Sample, Table
from trainer.datasets.ckplus import read
from trainer.datasets.folds import FOLD_PROTOCOLS, folds, protocols_of
from trainer.errors import TrainError

BASIC = (1, 2, 3, 4, 5, 6)
PEOPLE = [f"P{number:03d}" for number in range(1, 24)]


def drawn(name, **more):
    """A table that a protocol can use."""
    protocol = FOLD_PROTOCOLS.get(name)
    if name == "tfd":
        roles = ("train",) * 6 + ("valid",) * 2 + ("test",) * 2
        samples = [
            Sample(
                f"{label}/{i}",
                no_picture,
                label=label,
                subject=f"{i}",
                roles=tuple(roles[(i + fold) % 10] for fold in range(5)),
            )
            for label in (*protocol.classes, DROPPED)
            for i in range(10)
        ]
        return Table("drawn", tuple(samples), cropped=True)
    if name == "sfew":
        samples = [
            Sample(f"{part}/{label}", no_picture, label=label, part=part)
            for part, labels in (
                ("train", protocol.classes),
                ("valid", protocol.classes),
                ("test", (DROPPED,)),
            )
            for label in labels
        ]
        return Table("drawn", tuple(samples), cropped=True)
    if name == "faces":
        return clips(protocol.classes, PEOPLE, **more)
    return clips([label for label in protocol.classes if label], PEOPLE, **more)


@pytest.mark.parametrize(
    "name", [n for n in FOLD_PROTOCOLS.names() if not FOLD_PROTOCOLS.get(n).seeded]
)
def test_every_protocol(name):
    protocol = FOLD_PROTOCOLS.get(name)
    cut = folds(protocol, drawn(name))
    assert [fold.number for fold in cut] == list(range(protocol.count))
    for fold in cut:
        groups = [fold.train, fold.valid, fold.test]
        people = [{s.subject for s in group} - {""} for group in groups]
        assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
        names = [(s.name, s.label) for group in groups for s in group]
        assert len(set(names)) == len(names)
        assert {s.label for group in groups for s in group} == set(protocol.classes)
        assert {s.label for s in fold.train} == set(protocol.classes)
    tested = [s.name for fold in cut for s in fold.test]
    if protocol.count == 10:  # every picked sample is tested once
        assert (
            len(tested)
            == len(set(tested))
            == sum(map(len, (cut[0].train, cut[0].valid))) + len(cut[0].test)
        )


def test_names_of_classes():
    def words(name):
        return {EXPRESSIONS[label] for label in FOLD_PROTOCOLS.get(name).classes}

    assert words("ckplus-8") == set(EXPRESSIONS)
    assert words("ckplus-7") == set(EXPRESSIONS) - {"neutral"}
    assert words("ckplus-6") == words("oulu") == words("mmi") == words("ckplus-7") - {"contempt"}
    assert words("tfd") == words("sfew") == set(EXPRESSIONS) - {"contempt"}
    assert [p.name for p in protocols_of("ckplus")] == ["ckplus-8", "ckplus-7", "ckplus-6"]
    with pytest.raises(TrainError, match=r"no fold protocol 'ckplus-9'\. Did you mean ckplus-"):
        FOLD_PROTOCOLS.get("ckplus-9")


def test_subjects_are_cut_in_ascending_order():
    cut = folds(FOLD_PROTOCOLS.get("oulu"), drawn("oulu"))
    groups = [sorted({s.subject for s in fold.test}) for fold in cut]
    assert [len(group) for group in groups] == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]
    assert [name for group in groups for name in group] == PEOPLE
    for fold in cut:
        assert sorted({s.subject for s in fold.valid}) == groups[(fold.number + 1) % 10]


def test_numbers_are_sorted_as_numbers():
    people = [str(number) for number in (10, 9, 1, 2, 3, 4, 5, 6, 7, 8)]
    cut = folds(FOLD_PROTOCOLS.get("mmi"), clips(BASIC, people))
    order = [{s.subject for s in fold.test} for fold in cut]
    assert order == [{str(number)} for number in range(1, 11)]


@pytest.mark.parametrize(
    ("name", "length", "places"),
    [
        ("ckplus-6", 6, {3, 4, 5}),
        ("ckplus-7", 3, {0, 1, 2}),
        ("ckplus-8", 4, {0, 1, 2, 3}),
        ("oulu", 6, {3, 4, 5}),
        ("mmi", 9, {3, 4, 5}),
        ("mmi", 10, {3, 4, 5}),
        ("mmi", 3, {0, 1, 2}),
    ],
)
def test_frames_that_are_picked(name, length, places):
    for fold in folds(FOLD_PROTOCOLS.get(name), drawn(name, frames=length)):
        assert {s.frame for s in fold.test} == places
        assert {s.frame for s in fold.test if s.label == 0} <= {0}


def test_frames_that_are_skipped_are_missed():
    table = drawn("oulu")
    left = tuple(s for s in table.samples if s.name != "P004/3/4")
    with pytest.raises(DataError, match=r"Sequence P004/3 lacks frames for oulu: .* 4 frames of 5"):
        folds(FOLD_PROTOCOLS.get("oulu"), Table("drawn", left, cropped=True))


@pytest.mark.parametrize(("name", "length"), [("ckplus-6", 2), ("ckplus-8", 3), ("mmi", 2)])
def test_too_short_sequences(name, length):
    with pytest.raises(DataError, match=rf"Sequence P001/\d lacks frames for {name}: expected"):
        folds(FOLD_PROTOCOLS.get(name), drawn(name, frames=length))


def test_ckplus_tree(tmp_path):
    table = read(ckplus_tree(tmp_path / "ck", subjects=10))
    seven, eight = (folds(FOLD_PROTOCOLS.get(f"ckplus-{n}"), table) for n in (7, 8))
    assert len(seven[0].test) == len(CK_EMOTIONS) * 3
    assert len(eight[0].test) == len(CK_EMOTIONS) * 4
    assert {s.subject for s in eight[0].test} == {"S001"}
    neutral = [s for s in eight[9].test if s.label == 0]
    assert [s.frame for s in neutral] == [0] * 7
    assert neutral[0].picture().shape == (64, 64, 3)


def test_ck48_has_no_first_frames(tmp_path):
    table = read(ck48_tree(tmp_path / "ck", subjects=10))
    assert len(folds(FOLD_PROTOCOLS.get("ckplus-7"), table)) == 10
    with pytest.raises(DataError, match=r"ckplus-8: .* found 3 frames of 3; layout: CK\+48"):
        folds(FOLD_PROTOCOLS.get("ckplus-8"), table)


def test_a_neutral_sequence_is_not_picked():
    table = clips((0, *BASIC, 7), PEOPLE)
    for fold in folds(FOLD_PROTOCOLS.get("ckplus-8"), table):
        assert not any(s.sequence.endswith("/0") for s in fold.test)


def test_too_few_or_unknown_subjects():
    protocol = FOLD_PROTOCOLS.get("oulu")
    with pytest.raises(DataError, match="oulu needs at least 10 subjects, found 9"):
        folds(protocol, clips(BASIC, PEOPLE[:9]))
    table = drawn("oulu")
    nobody = tuple(replace(s, subject="") for s in table.samples)
    with pytest.raises(DataError, match="oulu needs subjects; P001/1/2 has none"):
        folds(protocol, Table("drawn", nobody, cropped=True))
    single = tuple(replace(s, sequence="") for s in table.samples)
    with pytest.raises(DataError, match="oulu needs sequences; P001/1/0 is in none"):
        folds(protocol, Table("drawn", single, cropped=True))
    with pytest.raises(DataError, match="oulu finds no sample of its 6 classes; layout: drawn"):
        folds(protocol, clips((7,), PEOPLE))


def test_a_class_that_only_the_tested_have():
    table = clips(BASIC, PEOPLE)
    kept = tuple(s for s in table.samples if s.label != 6 or s.subject == "P001")
    with pytest.raises(DataError, match="oulu, fold 0: its train part has no fear"):
        folds(FOLD_PROTOCOLS.get("oulu"), Table("drawn", kept, cropped=True))


def test_a_subject_in_two_parts():
    table = drawn("tfd")
    twice = replace(table.samples[0], name="again", roles=("test",) * 5)
    mixed = Table("drawn", (*table.samples, twice), cropped=True)
    with pytest.raises(
        DataError, match=r"tfd, fold 0: subject 0 is in train and in test \(again\)"
    ):
        folds(FOLD_PROTOCOLS.get("tfd"), mixed)


def test_tfd_without_roles():
    samples = tuple(replace(s, roles=()) for s in drawn("tfd").samples)
    with pytest.raises(DataError, match=r"tfd has 5 folds; 0/0 has its part in 0"):
        folds(FOLD_PROTOCOLS.get("tfd"), Table("drawn", samples, cropped=True))


def test_sfew_parts():
    (fold,) = folds(FOLD_PROTOCOLS.get("sfew"), drawn("sfew"))
    assert {s.part for s in fold.train} == {PARTS[0]}
    assert {s.part for s in fold.valid} == {PARTS[1]}
    assert fold.test == ()
    only = tuple(s for s in drawn("sfew").samples if s.part == "train")
    with pytest.raises(DataError, match="sfew, fold 0: its valid part is empty"):
        folds(FOLD_PROTOCOLS.get("sfew"), Table("drawn", only, cropped=True))
