"""The native net: a small one for how it is used, the shipped ones for what they say."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from au_clips import AT_REST, FROWNS, SMILES, SURPRISED, faces_of, over, tracks_of, value
from au_fakes import a_face
from au_net import LABELS, SIZE, write_au_bundle
from material import decode

from ferdesk.aus.choice import open_estimator
from ferdesk.aus.names import NATIVE_BUNDLE
from ferdesk.aus.native import NativeEstimator
from ferdesk.bundles import find_bundle, installed_bundles
from ferdesk.core.align import CropRecipe
from ferdesk.core.au_bundle import ACTIVATIONS, AuBundle, AuOutput
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.bundle import MODEL, REFERENCE, InputSpec, read_bundle, sha256, write_bundle
from ferdesk.core.errors import BundleError
from ferdesk.core.types import AuValues, Crop, Face, Frame, Pose
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load

Clip = list[tuple[Frame, Face, Crop]]
Seen = list[tuple[float, Face, AuValues]]
SHIPPED = installed_bundles("action_units")


@pytest.fixture(scope="module")
def finder() -> Iterator[OpenVinoFinder]:
    found = OpenVinoFinder(load("auto"), max_faces=1, threads=1)
    yield found
    found.close()


@pytest.fixture(scope="module")
def clip(finder: OpenVinoFinder, demo_frames: list[Frame]) -> Clip:
    return faces_of(finder, demo_frames[::4])


@pytest.fixture(scope="module")
def shipped() -> Iterator[NativeEstimator]:
    found = NativeEstimator(find_bundle(NATIVE_BUNDLE), 1, crops=InputSpec(size=SIZE))
    yield found
    found.close()


@pytest.fixture(scope="module")
def demo(shipped: NativeEstimator, clip: Clip) -> Seen:
    return tracks_of(shipped, clip)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[NativeEstimator]:
    write_au_bundle(tmp_path / "small")
    found = NativeEstimator(tmp_path / "small", crops=InputSpec(size=SIZE))
    yield found
    found.close()


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_every_bundle_gives_its_reference_output(folder: Path) -> None:
    bundle = read_bundle(folder, AuBundle)
    engine = OpenVinoEngine(folder / MODEL)
    with np.load(folder / REFERENCE, allow_pickle=False) as stored:
        found = engine.run(stored["x"])[ACTIVATIONS]
        np.testing.assert_allclose(found, stored[ACTIVATIONS], atol=1e-4)
        assert found.shape[1] == len(bundle.labels)
    engine.close()
    assert {m.au for m in bundle.metrics if m.shipped} == set(bundle.units)


@pytest.mark.parametrize(
    ("au", "shown", "by"),
    [
        (12, SMILES, 0.3),
        (1, SURPRISED, 0.2),
        (2, SURPRISED, 0.2),
        (26, SURPRISED, 0.1),
        (4, FROWNS, 0.02),
    ],
)
def test_units_rise_with_their_expression(
    demo: Seen, au: int, shown: tuple[float, float], by: float
) -> None:
    others = {AT_REST, SMILES, SURPRISED, FROWNS} - {shown}
    assert over(demo, au, shown) > by + max(over(demo, au, other) for other in others)


def test_the_smile_of_a_real_face_is_the_strongest_of_its_mouth(
    shared: Callable[[str], Path], finder: OpenVinoFinder, shipped: NativeEstimator
) -> None:
    frames = list(decode(shared("media/face.mp4")))
    seen = tracks_of(shipped, faces_of(finder, frames[::12]))
    smiling = [values for _, _, values in seen if values.raw[AU_INDEX[12]] > 0.7]
    assert len(smiling) > len(seen) / 5
    mean = np.mean([values.raw for values in smiling], axis=0)
    mouth = {10, 12, 14, 15, 16, 17, 18, 20, 24, 26, 27, 28} & set(shipped.units)
    assert max(mouth, key=lambda au: mean[AU_INDEX[au]]) == 12


def test_a_mirrored_patch_exchanges_the_sides(shipped: NativeEstimator, clip: Clip) -> None:
    patches = [crop.image for _, _, crop in clip]
    found = shipped.activations(patches)
    turned = shipped.activations([np.ascontiguousarray(patch[:, ::-1]) for patch in patches])
    column = {(one.au, one.side): i for i, one in enumerate(shipped.bundle.labels)}
    paired = sorted(au for au, side in column if side == "left")
    assert paired
    apart = np.stack(
        [found[:, column[au, "left"]] - found[:, column[au, "right"]] for au in paired]
    )
    after = np.stack(
        [turned[:, column[au, "left"]] - turned[:, column[au, "right"]] for au in paired]
    )
    assert np.corrcoef(apart.ravel(), after.ravel())[0, 1] < -0.5


def test_sides_and_units_come_to_their_places(small: NativeEstimator, clip: Clip) -> None:
    frame, face, crop = clip[0]
    (row,) = small.activations([crop.image])
    (values,) = small.estimate(frame, 3.5, [face], [crop])
    assert values is not None
    smile = AU_INDEX[12]
    assert values.left[smile] == row[0]
    assert values.right[smile] == row[2]
    assert values.raw[smile] == pytest.approx((row[0] + row[2]) / 2)
    assert value(values, 25) == row[1]
    assert np.isnan(values.left[AU_INDEX[25]])
    assert np.isfinite(values.raw).sum() == 2
    assert (values.estimator, values.time_s) == ("native small", 3.5)
    assert small.units == (12, 25)
    assert small.estimate(frame, 0.0, [], []) == []


def test_it_takes_the_crops_that_are_as_it_wants_them(small: NativeEstimator, clip: Clip) -> None:
    frame, face, crop = clip[0]
    other = replace(crop, image=255 - crop.image)
    (first,), (second,) = (small.estimate(frame, 0.0, [face], [one]) for one in (crop, other))
    assert first is not None and second is not None
    assert abs(value(first, 25) - value(second, 25)) > 1e-3


@pytest.mark.parametrize(
    "crops", [None, InputSpec(size=64), InputSpec(size=SIZE, crop=CropRecipe(beside=0.5))]
)
def test_it_cuts_its_own_where_they_are_not(
    tmp_path: Path, clip: Clip, crops: InputSpec | None, small: NativeEstimator
) -> None:
    frame, face, crop = clip[0]
    own = NativeEstimator(tmp_path / "small", crops=crops)
    foreign = Crop(np.zeros((64, 64), np.uint8), crop.from_frame)
    (found,) = own.estimate(frame, 0.0, [face], [foreign])
    (wanted,) = small.estimate(frame, 0.0, [face], [crop])
    assert found is not None and wanted is not None
    np.testing.assert_array_equal(found.raw, wanted.raw)
    own.close()


def test_small_and_turned_faces_are_unreliable_not_zero(small: NativeEstimator, clip: Clip) -> None:
    frame, face, crop = clip[0]
    tiny = replace(face, landmarks=face.landmarks * np.float32(0.1))
    turned = replace(face, pose=Pose(60, 0, 0))
    found = small.estimate(frame, 0.0, [face, tiny, turned], [crop] * 3)
    assert [one.reliable for one in found if one] == [True, False, False]
    assert all(value(one, 25) > 0 for one in found if one)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": LABELS[1:2]}, "does not fit the net's input and labels"),
        ({"labels": (*LABELS, AuOutput(au=26))}, "does not fit"),
        ({"input": InputSpec(size=40)}, "does not fit"),
        ({"task": "expression"}, "task 'expression', not for 'action_units'"),
    ],
)
def test_a_bundle_that_contradicts_itself_is_refused(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    write_au_bundle(tmp_path / "odd", **changes)
    with pytest.raises(BundleError, match=said):
        NativeEstimator(tmp_path / "odd")


@pytest.mark.parametrize("precision", ["auto", "f32"])
def test_a_reference_that_the_net_does_not_give_is_refused(tmp_path: Path, precision: str) -> None:
    bundle = write_au_bundle(tmp_path / "odd")
    x = np.zeros((2, 1, SIZE, SIZE), np.float32)
    np.savez(tmp_path / "odd" / REFERENCE, x=x, activations=np.zeros((2, 3), np.float32))
    files = {**bundle.files, REFERENCE: sha256(tmp_path / "odd" / REFERENCE)}
    write_bundle(tmp_path / "odd", bundle.model_copy(update={"files": files}))
    with pytest.raises(BundleError, match="does not give the bundle's own reference"):
        NativeEstimator(tmp_path / "odd", precision=precision)  # type: ignore[arg-type]


def test_estimators_are_opened_by_name(tmp_path: Path, demo_frames: list[Frame]) -> None:
    write_au_bundle(tmp_path / "mine")
    found = open_estimator("native", bundle=str(tmp_path / "mine"))
    assert found.name == "native small"
    (values,) = found.estimate(demo_frames[0], 0.0, [a_face()], [])
    assert values is not None
    found.reset()
    found.close()
    with pytest.raises(BundleError, match="No bundle named 'nothing-like-this'"):
        open_estimator("native", bundle="nothing-like-this")
