"""Neutral calibration: telling how a person's face moves from how it looks at rest.

Faces at rest differ: a low brow looks like a lowered one. So a few seconds of a person's neutral
face are recorded once, and what the estimator read then is taken off what it reads later.
T. Baltrusaitis, M. Mahmoud and P. Robinson ("Cross-dataset learning and person-specific
normalisation for automatic Action Unit detection", FG 2015) take off the median of the person's
whole video; here nothing depends on frames that are still to come.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import numpy as np

from ferdesk.core.aus import ACTION_UNITS, AU_INDEX, N_UNITS
from ferdesk.core.errors import ProfileError
from ferdesk.core.types import AuValues, Face, FaceResult, FloatArray, FrameResult, Matrix
from ferdesk.faces.tracker import FORGET_AFTER_S
from ferdesk.profiles import NeutralProfile, profile_path, why_not

DEFAULT_SECONDS: Final = 10.0
FEWEST_VALUES: Final = 10
"""Values that a median needs at least."""
SMALLEST_SHARE: Final = 0.5
"""Of the values of a recording, at least so many must be reliable."""
LARGEST_SPREAD: Final = 0.1
"""Of any unit, in units of activation: above, the face moved for a good part of the time."""
SMALLEST_RANGE: Final = 0.1
"""So much of the scale stays above any baseline: less would be stretched into noise."""
PATIENCE: Final = 3.0
"""Times the recording's length after which a source that shows too little is given up."""
_RECENT_S: Final = 2.0
"""What the person did before counts no more for what they are told now."""
# The median absolute deviation of a normal distribution, times this, is its standard deviation.
_MAD_TO_SPREAD: Final = 1.4826


class RestWatch:
    """Tells the person who is being recorded what is wrong at this moment, if anything is.

    Args:
        tr: translates; English where it is left out.
    """

    def __init__(self, tr: Callable[[str], str] = str) -> None:
        self._tr = tr
        self._rows: deque[tuple[float, FloatArray]] = deque()

    def look(self, result: FrameResult) -> str:
        """What keeps this result from being good for a profile, for people; empty for nothing.

        Args:
            result: the next one of the source.
        """
        tr = self._tr
        if not result.faces:
            return tr("No face is seen. Sit before the camera.")
        if len(result.faces) > 1:
            text = tr("There are {n} faces. Be alone in the picture.")
            return text.format(n=len(result.faces))
        aus = result.faces[0].aus
        if aus is None:
            return ""
        if not aus.reliable:
            return tr("The face is too small or turned away. Come nearer and look into the camera.")
        while self._rows and not 0 < aus.time_s - self._rows[0][0] <= _RECENT_S:
            self._rows.popleft()
        self._rows.append((aus.time_s, aus.raw))
        moved = _most_moved(np.stack([row for _, row in self._rows]).astype(np.float64))
        text = tr("The face moves: {unit}. Keep it at rest, mouth closed.")
        return text.format(unit=moved) if moved else ""


class NeutralRecorder:
    """Collects one person's neutral face; time is the source's, so a file can be fed at any pace.

    Args:
        name: of the profile to be.
        seconds: how long to record, from the first reliable value on.

    Raises:
        ProfileError: the name is not plain.
    """

    def __init__(self, name: str, seconds: float = DEFAULT_SECONDS) -> None:
        profile_path(name)
        self._name = name
        self._seconds = seconds
        self._track: int | None = None
        self._estimator = ""
        self._rows: list[FloatArray] = []
        self._times: list[float] = []
        self._refused = 0
        self._last_s = -math.inf

    @property
    def progress(self) -> float:
        """How much of the time is recorded, 0..1."""
        if not self._times:
            return 0.0
        return min((self._times[-1] - self._times[0]) / self._seconds, 1.0)

    @property
    def done(self) -> bool:
        """Whether there is enough; `profile` may be called."""
        return self.progress >= 1

    def add(self, result: FaceResult) -> None:
        """Take in the person's face of the next frame.

        A face without values, or with the same ones as before (a slow estimator's), adds nothing;
        unreliable values are counted, not used.

        Raises:
            ProfileError: it is another person's face.
        """
        aus = result.aus
        if self._track is None:
            self._track = result.face.track_id
        if result.face.track_id != self._track:
            raise ProfileError(
                "The face was lost from sight, or somebody else came in. Sit still, alone in the "
                "picture, and record again."
            )
        if aus is None or aus.time_s <= self._last_s:
            return
        self._last_s = aus.time_s
        self._estimator = aus.estimator
        if aus.reliable:
            self._rows.append(aus.raw)
            self._times.append(aus.time_s)
        else:
            self._refused += 1

    def profile(self) -> NeutralProfile:
        """What was recorded.

        Raises:
            ProfileError: there are too few usable values, or the face moved too much.
        """
        n = len(self._rows)
        if n + self._refused == 0:
            raise ProfileError("No face was seen. Sit before the camera and record again.")
        if n < FEWEST_VALUES or n < SMALLEST_SHARE * (n + self._refused):
            raise ProfileError(
                f"Only {n} of {n + self._refused} pictures show the face well enough. Come nearer, "
                "look into the camera, and record again."
            )
        if not self.done:
            raise ProfileError(
                f"Only {self._times[-1] - self._times[0]:.1f} of {self._seconds:g} seconds show "
                "the face. Record for longer, or ask for fewer seconds."
            )
        values = np.stack(self._rows).astype(np.float64)
        if moved := _most_moved(values):
            raise ProfileError(
                f"The face moved too much ({moved}). Keep it at rest, mouth closed, and record "
                "again."
            )
        known, baseline, spread = _rest(values)
        numbers = [ACTION_UNITS[index].number for index in known]
        return NeutralProfile(
            name=self._name,
            estimator=self._estimator,
            baseline=dict(zip(numbers, map(float, baseline), strict=True)),
            spread=dict(zip(numbers, map(float, spread), strict=True)),
            seconds=self._times[-1] - self._times[0],
            values=n,
            recorded=datetime.now(UTC),
        )


def _rest(values: Matrix) -> tuple[list[int], Matrix, Matrix]:
    """The columns that are known throughout, their medians and their robust spreads.

    Args:
        values: (n, 30) float64, a row a frame.
    """
    known = [index for index in range(N_UNITS) if not np.isnan(values[:, index]).any()]
    baseline = np.median(values[:, known], axis=0)
    spread = _MAD_TO_SPREAD * np.median(np.abs(values[:, known] - baseline), axis=0)
    return known, baseline, spread


def _most_moved(values: Matrix) -> str:
    """Which unit was too far from rest for a good part of the time, for people; empty for none."""
    known, _, spread = _rest(values)
    if spread.max(initial=0) <= LARGEST_SPREAD:
        return ""
    moved = ACTION_UNITS[known[int(spread.argmax())]]
    return f"{moved.code}, {moved.name}"


def record(
    name: str,
    results: Iterable[FrameResult],
    seconds: float = DEFAULT_SECONDS,
    report: Callable[[float], None] = lambda _: None,
) -> NeutralProfile:
    """Record a neutral face from a source; takes no more results than it needs.

    Args:
        name: of the profile to be.
        results: of a source, in order.
        seconds: how long to record, on the source's clock.
        report: is told the progress, 0..1.

    Raises:
        ProfileError: there is no face, there are several, or it is not seen well or still enough.
    """
    recorder = NeutralRecorder(name, seconds)
    begin_s: float | None = None
    for result in results:
        time_s = result.frame.clock_s
        begin_s = time_s if begin_s is None else begin_s
        if len(result.faces) > 1:
            raise ProfileError(
                f"There are {len(result.faces)} faces in the picture. Record one person alone."
            )
        for face in result.faces:
            recorder.add(face)
        report(recorder.progress)
        if recorder.done or time_s - begin_s >= PATIENCE * seconds:
            break
    return recorder.profile()


class NeutralCorrection:
    """Takes a person's neutral face off the values of one track.

    The profile is of one person, and nobody says which track that is. It goes to the largest face
    and stays with its track, until that is lost for so long that the tracker would not know the
    person again; then it goes to the largest face anew. In pictures of their own it goes to the
    largest face of each. All other faces keep their values as they are.

    activation = clip((raw - baseline) / (1 - baseline), 0, 1): the person's rest is 0, the
    strongest that the estimator knows stays 1.

    Args:
        profile: the person's.
        estimator: the name of the estimator that runs.

    Raises:
        ProfileError: the profile is of another estimator.
    """

    def __init__(self, profile: NeutralProfile, estimator: str) -> None:
        if trouble := why_not(profile, estimator):
            raise ProfileError(
                f"The neutral profile {profile.name!r} cannot be used. {trouble} Record it again: "
                f"ferdesk calibrate {profile.name}"
            )
        self.name = profile.name
        self._baseline = np.zeros(N_UNITS, np.float32)
        for number, value in profile.baseline.items():
            self._baseline[AU_INDEX[number]] = min(value, 1 - SMALLEST_RANGE)
        self._track = 0
        self._seen_s = -math.inf

    def correct(
        self,
        faces: Sequence[Face],
        values: Sequence[AuValues | None],
        time_s: float,
        still: bool,
    ) -> list[AuValues | None]:
        """Correct the person's values; what was estimated stays as it is in `raw`.

        Args:
            faces: of a frame, largest first.
            values: theirs.
            time_s: the frame's time on the source's clock.
            still: whether the frame is a picture of its own.
        """
        tracks = [face.track_id for face in faces]
        gone = not 0 <= time_s - self._seen_s <= FORGET_AFTER_S
        if tracks and self._track not in tracks and (gone or still):
            self._track = tracks[0]
        if self._track in tracks:
            self._seen_s = time_s
        return [
            self._corrected(one) if one is not None and track == self._track else one
            for track, one in zip(tracks, values, strict=True)
        ]

    def reset(self) -> None:
        """Forget whose face it was: another source begins."""
        self._track, self._seen_s = 0, -math.inf

    def _corrected(self, values: AuValues) -> AuValues:
        activation = np.clip((values.raw - self._baseline) / (1 - self._baseline), 0, 1)
        activation.setflags(write=False)
        return replace(values, activation=activation)
