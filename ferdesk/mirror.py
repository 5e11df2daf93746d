"""A result as in a mirror, for people who watch themselves; numbers stay those of the camera."""

from dataclasses import replace

import cv2
import numpy as np

from ferdesk.core.types import Box, Crop, Face, FaceResult, FrameResult, Pose


def mirrored(result: FrameResult) -> FrameResult:
    """The result with its picture mirrored left to right, and what is drawn with it.

    Boxes, landmarks, poses and the places of patches follow the picture; probabilities and action
    units, whose sides are the person's own, stay. For drawing, not for storing.
    """
    frame = result.frame
    image = np.asarray(cv2.flip(frame.image, 1), np.uint8)
    last = float(image.shape[1] - 1)
    faces = tuple(
        replace(one, face=_mirrored(one.face, last), crop=_placed(one.crop, last))
        for one in result.faces
        if _is_placed(one)
    )
    return replace(result, frame=replace(frame, image=image), faces=faces)


def _is_placed(result: FaceResult) -> bool:
    return bool(np.isfinite(result.face.box).all())


def _mirrored(face: Face, last: float) -> Face:
    box, pose = face.box, face.pose
    landmarks = face.landmarks.copy()
    landmarks[:, 0] = last - landmarks[:, 0]
    return replace(
        face,
        box=Box(last - box.x - box.w, box.y, box.w, box.h),
        pose=Pose(-pose.yaw, pose.pitch, -pose.roll),
        landmarks=landmarks,
    )


def _placed(crop: Crop, last: float) -> Crop:
    """The same patch, cut out of the mirrored picture."""
    from_frame = crop.from_frame.copy()
    from_frame[:, 2] += last * from_frame[:, 0]
    from_frame[:, 0] *= -1
    return replace(crop, from_frame=from_frame)
