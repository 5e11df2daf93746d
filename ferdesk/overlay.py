"""Draws what was found into a copy of the frame: boxes, labels, verdicts, bars, muscles."""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import cv2

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FaceReading, FaceResult, FrameResult, ImageU8
from ferdesk.overlay_aus import tint_muscles
from ferdesk.overlay_colours import RGB, UNKNOWN, USUAL, Palette
from ferdesk.overlay_hide import FaceHider, Hiding
from ferdesk.overlay_maps import tint_map
from ferdesk.overlay_marks import dot_landmarks, draw_pose
from ferdesk.overlay_places import Rect, around
from ferdesk.overlay_verdict import VerdictMemory, verdict_line

_WHITE: Final = (245, 245, 245)
_BLACK: Final = (16, 16, 16)
_DARKEST: Final = 85
"""Grey level of the darkest colour that black is written on."""
_DARK: Final = 24
"""Grey level of the plates that text stands on."""
_PLATE_OPACITY: Final = 0.62

_TEXT_PER_HEIGHT: Final = 1 / 32
_SMALLEST_TEXT: Final = 9.0
_LARGEST_TEXT: Final = 64.0
_MESH: Final = 468
"""A face with fewer landmarks than the mesh has no known muscles."""

_LEAST_FRAME: Final = 48
"""Frames lower or narrower than this get a box and no text."""
_CROWD: Final = ((2, 1.0), (4, 0.8))
"""Up to so many faces, text is shrunk so much; see _CROWDED for more."""
_CROWDED: Final = 0.65

_VERDICT_SIZE: Final = 0.8
"""The size of a verdict's text, in sizes of the title's."""
_MOST_REASONS: Final = 2
_BAR_LENGTH: Final = 5.0
"""A full bar, in text sizes."""

_THREAD: Final = threading.local()


@dataclass(frozen=True, slots=True)
class OverlayOptions:
    """What is drawn.

    Attributes:
        boxes: the box around each face.
        ids: the person's number, or name where one was given.
        labels: the most probable expression and its probability.
        bars: all eight probabilities.
        verdicts: for a contested face what was contested, what tipped it and what came out.
        aus: the muscles, tinted by how strongly their action units act.
        maps: what of a face speaks for its expression, where the result has maps.
        landmarks: the points of the face mesh.
        pose: where the head is turned: arrows to the image's right, up and out of the face.
        hide: whether faces are made unrecognisable, and how.
        unsure_below: an expression less probable than this is called unsure; 0 for never.
        colours: the expressions' colours.
        names: what persons are called, by their number.
        hud: a line of text for the top left corner, such as the frame rate.
    """

    boxes: bool = True
    ids: bool = True
    labels: bool = True
    bars: bool = True
    verdicts: bool = True
    aus: bool = False
    maps: bool = False
    landmarks: bool = False
    pose: bool = False
    hide: Hiding = "off"
    unsure_below: float = 0.0
    colours: Palette = USUAL
    names: Mapping[int, str] = field(default_factory=dict)
    hud: str = ""


def draw(
    result: FrameResult,
    options: OverlayOptions,
    memory: VerdictMemory | None = None,
    hider: FaceHider | None = None,
) -> ImageU8:
    """Annotate a frame.

    Args:
        result: what the frame gave; its image stays as it is.
        options: what to draw.
        memory: keeps verdicts readable over the frames of a video; without it, each frame shows its
            own.
        hider: hides faces where the options ask for it, also those that are lost for a moment;
            without it, those that were found in this frame.

    Returns:
        (height, width, 3) uint8, BGR, a new array of the frame's size.
    """
    if options.hide == "off":
        image = result.frame.image.copy()
    else:
        image = (hider or FaceHider(options.hide)).draw(result)
    clock_s = result.frame.clock_s
    judged = [memory.recall(face, clock_s) if memory else face for face in result.faces]
    draw_faces(image, result.faces, options, judged)
    return image


def draw_faces(
    image: ImageU8,
    faces: Sequence[FaceReading],
    options: OverlayOptions,
    judged: Sequence[FaceReading | None] | None = None,
) -> None:
    """Draw what is known about faces into a picture, in place.

    Args:
        image: (height, width, 3) uint8, BGR.
        faces: in the picture's pixels; one without a box, of another program's table, is left out.
        options: what to draw; hiding them takes a whole frame, so that is `draw`'s.
        judged: for each face the reading whose verdict is told, None for none; by default its own.
    """
    told = faces if judged is None else judged
    both = zip(faces, told, strict=True)
    pairs = [pair for pair in both if all(map(math.isfinite, pair[0].face.box))]
    canvas = _Canvas(image, len(pairs), options)
    for face, _ in pairs:
        if options.maps and isinstance(face, FaceResult) and face.maps is not None:
            tint_map(image, face.crop, face.maps, EXPRESSIONS.index(face.label))
        if options.aus and face.aus is not None and len(face.face.landmarks) >= _MESH:
            tint_muscles(image, face.face.landmarks, face.aus)
        if options.landmarks:
            dot_landmarks(image, face.face, canvas.line)
        if options.pose:
            draw_pose(image, face.face, 2 * canvas.line)
    placed = [(face, shown, canvas.box_of(face)) for face, shown in pairs]
    if options.boxes:
        for face, _, box in placed:
            canvas.outline(box, canvas.colour(face))
    if canvas.has_room:
        _write(canvas, placed, options)


def _write(
    canvas: "_Canvas",
    placed: Sequence[tuple[FaceReading, FaceReading | None, Rect]],
    options: OverlayOptions,
) -> None:
    """Draw all that is made of words."""
    boxes = [box for _, _, box in placed]
    # What is placed gives way to all that has its place already: the most important goes first.
    taken = [canvas.hud(options.hud)] if options.hud else []
    titles: list[tuple[str, Rect, RGB]] = []
    for face, _, box in placed:
        if text := _title(face, options):
            others = [other for other in boxes if other is not box]
            place = canvas.place_title(text, box, others + taken)
            titles.append((text, place, canvas.colour(face)))
            taken.append(place)
    if options.verdicts:
        for _, shown, box in placed:
            if line := canvas.fitting_line(shown):
                taken.append(canvas.verdict(line, box, [*boxes, *taken]))
    if options.bars:
        for face, _, box in placed:
            if face.label:
                taken.append(canvas.bars(face, box, [*boxes, *taken]))
    for text, place, colour in titles:
        canvas.title(text, place, colour)


class _Canvas:
    """A picture being drawn on, and the sizes that suit it."""

    def __init__(self, image: ImageU8, faces: int, options: OverlayOptions) -> None:
        self.image = image
        self._colours = options.colours.colours()
        self._unsure_below = options.unsure_below
        self.height: int = image.shape[0]
        self.width: int = image.shape[1]
        size = self.height * _TEXT_PER_HEIGHT
        # On tall, narrow frames the width is what text has to fit into.
        size = min(size, self.width / 24)
        shrink = next((shrink for most, shrink in _CROWD if faces <= most), _CROWDED)
        self.text_size: float = min(max(size * shrink, _SMALLEST_TEXT), _LARGEST_TEXT)
        self.line = max(1, round(min(self.height, self.width) / 320))

    @property
    def has_room(self) -> bool:
        return self.height >= _LEAST_FRAME and self.width >= _LEAST_FRAME

    def colour(self, face: FaceReading) -> RGB:
        return self._colours.get(face.shown_label(self._unsure_below), UNKNOWN)

    def box_of(self, face: FaceReading) -> Rect:
        x, y, w, h = face.face.box
        left, top = max(0, round(x)), max(0, round(y))
        right = min(self.width - 1, round(x + w))
        bottom = min(self.height - 1, round(y + h))
        return Rect(left, top, max(0, right - left), max(0, bottom - top))

    def outline(self, box: Rect, colour: RGB) -> None:
        corner = (box.x + box.w, box.y + box.h)
        cv2.rectangle(self.image, (box.x, box.y), corner, _bgr(colour), self.line, cv2.LINE_AA)

    def hud(self, text: str) -> Rect:
        size = self.text_size
        pad = round(size * 0.4)
        rect = Rect(0, 0, text_width(text, size) + 2 * pad, round(size * 1.3) + pad)
        rect = rect.inside(self.width, self.height)
        self._plate(rect)
        self._text(text, pad, round(pad / 2 + size), size, _WHITE)
        return rect

    def place_title(self, text: str, box: Rect, others: Sequence[Rect]) -> Rect:
        size = self.text_size
        width, height = text_width(text, size) + 2 * round(size * 0.35), round(size * 1.35)
        places = (
            Rect(box.x, box.y - height, width, height),
            Rect(box.x + box.w - width, box.y - height, width, height),
            Rect(box.x, box.y + box.h, width, height),
            Rect(box.x + box.w - width, box.y + box.h, width, height),
        )
        return self._best(places, others)

    def title(self, text: str, rect: Rect, colour: RGB) -> None:
        size = self.text_size
        corner = (rect.x + rect.w - 1, rect.y + rect.h - 1)
        cv2.rectangle(self.image, (rect.x, rect.y), corner, _bgr(colour), cv2.FILLED)
        at = rect.x + round(size * 0.35), rect.y + round(size * 1.03)
        self._text(text, *at, size, _ink(colour), bold=True)

    def fitting_line(self, face: FaceReading | None) -> str:
        """The face's verdict with as many reasons as fit; empty where there is nothing to say."""
        if face is None or face.verdict is None:
            return ""
        size = self._verdict_size
        lines = (verdict_line(face.verdict, face.aus, most) for most in range(_MOST_REASONS, 0, -1))
        room = self.width - size
        return next((line for line in lines if text_width(line, size) <= room), "")

    def verdict(self, line: str, box: Rect, others: Sequence[Rect]) -> Rect:
        size = self._verdict_size
        width, height = text_width(line, size) + round(size * 0.7), round(size * 1.4)
        above = box.y - round(self.text_size * 1.35) - height
        right = box.x + box.w - width
        places = [Rect(x, y, width, height) for y in (box.y + box.h, above) for x in (box.x, right)]
        rect = self._best(places, others)
        self._plate(rect)
        at = rect.x + round(size * 0.35), rect.y + round(size * 1.05)
        self._text(line, *at, size, _WHITE)
        return rect

    @property
    def _verdict_size(self) -> float:
        return max(self.text_size * _VERDICT_SIZE, _SMALLEST_TEXT)

    def bars(self, face: FaceReading, box: Rect, others: Sequence[Rect]) -> Rect:
        size = max(self.text_size * 0.85, _SMALLEST_TEXT * 0.9)
        pad, gap = size * 0.4, size * 0.5
        names = max(text_width(name, size) for name in EXPRESSIONS)
        figures = text_width("100", size)
        width = round(2 * pad + names + 2 * gap + _BAR_LENGTH * size + figures)
        height = round(size * 1.3 * (len(EXPRESSIONS) + 0.5))
        beside, over = round(size * 0.3), round(size * 0.3 + self.text_size * 1.35)
        rect = self._best(around(box, width, height, beside, over), others)
        self._link(box, rect, self.colour(face))
        self._plate(rect)
        row = rect.h / (len(EXPRESSIONS) + 0.5)
        left = round(rect.x + pad + names + gap)
        right = round(rect.x + rect.w - pad - figures - gap)
        for i, name in enumerate(EXPRESSIONS):
            share = min(max(float(face.probabilities[i]), 0.0), 1.0)
            top = rect.y + row * (i + 0.25)
            base = round(top + row * 0.5 + size * 0.36)
            self._text(name, round(rect.x + pad), base, size, _WHITE, bold=name == face.label)
            self._bar(left, right, top + row * 0.2, row * 0.6, share, self._colours[name])
            figure = f"{share * 100:.0f}"
            at = round(rect.x + rect.w - pad - text_width(figure, size))
            self._text(figure, at, base, size, _WHITE)
        return rect

    def _best(self, places: Iterable[Rect], others: Sequence[Rect]) -> Rect:
        """The first of the places that hides least, moved into the frame."""
        moved = [place.inside(self.width, self.height) for place in places]
        return min(moved, key=lambda place: sum(place.overlap(other) for other in others))

    def _bar(
        self, left: int, right: int, top: float, height: float, share: float, colour: RGB
    ) -> None:
        if right <= left:
            return
        y, h = round(top), max(1, round(height))
        self.image[y : y + h, left:right] = _DARK + 40
        self.image[y : y + h, left : left + round((right - left) * share)] = _bgr(colour)

    def _link(self, box: Rect, panel: Rect, colour: RGB) -> None:
        """Tie a panel to its face: among several it may not lie beside it."""
        x = min(max(panel.x + panel.w // 2, box.x), box.x + box.w)
        y = min(max(panel.y + panel.h // 2, box.y), box.y + box.h)
        end = (
            min(max(x, panel.x), panel.x + panel.w),
            min(max(y, panel.y), panel.y + panel.h),
        )
        cv2.line(self.image, (x, y), end, _bgr(colour), self.line, cv2.LINE_AA)

    def _plate(self, rect: Rect) -> None:
        """Darken an area, so that text on it can be read whatever lies below."""
        area = self.image[rect.y : rect.y + rect.h, rect.x : rect.x + rect.w]
        cv2.addWeighted(area, 1 - _PLATE_OPACITY, area, 0, _DARK * _PLATE_OPACITY, dst=area)

    def _text(
        self, text: str, x: int, y: int, size: float, colour: RGB, *, bold: bool = False
    ) -> None:
        """Write with the base line's left end at (x, y)."""
        weight = 700 if bold else 500
        cv2.putText(self.image, text, (x, y), _bgr(colour), _font(), round(size), weight)


@lru_cache(maxsize=4096)
def text_width(text: str, size: float) -> int:
    """Width in pixels of a line of text of `size` pixels, in the weight that is widest here."""
    bounds = cv2.getTextSize((0, 0), text, (0, 0), _font(), round(size), 700)
    return int(bounds[2])


def _font() -> cv2.FontFace:
    # OpenCV's own font, compiled into it; one a thread, for it is not said to be shareable.
    font: cv2.FontFace | None = getattr(_THREAD, "font", None)
    if font is None:
        font = _THREAD.font = cv2.FontFace("sans")
    return font


def _title(face: FaceReading, options: OverlayOptions) -> str:
    parts = []
    number = face.face.track_id
    if number in options.names and (options.ids or options.labels):
        parts.append(options.names[number])
    elif options.ids and number:
        parts.append(f"#{number}")
    if options.labels and face.label:
        parts.append(f"{face.shown_label(options.unsure_below)} {face.confidence * 100:.0f} %")
    return "  ".join(parts)


def _ink(ground: RGB) -> RGB:
    """What can be read on a colour: black, but for those that are dark themselves."""
    red, green, blue = ground
    return _BLACK if 0.3 * red + 0.59 * green + 0.11 * blue > _DARKEST else _WHITE


def _bgr(colour: RGB) -> tuple[int, int, int]:
    red, green, blue = colour
    return blue, green, red
