"""The picture of the frame that is looked at."""

from PySide6.QtCore import QSize
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from ferdesk.review.pictures import StoredPicture
from ferdesk.texts import tr
from ferdesk.ui import words
from ferdesk.ui.video_view import VideoView


class PictureView(VideoView):
    """Paints stored pictures as the live ones are painted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Picture of the recorded frame"))
        self.picture: StoredPicture | None = None

    def show_picture(self, picture: StoredPicture) -> None:
        """Show a picture. Its image is used in place, so nobody may write into it any more."""
        self.picture = picture
        image = picture.image
        height, width = image.shape[:2]
        self._image = QImage(
            image.data, width, height, image.strides[0], QImage.Format.Format_RGB32
        )
        one = tr("face {number} {expression}")
        labels = ", ".join(
            one.format(
                number=face.face.track_id, expression=words.expression(face.label or "unknown")
            )
            for face in picture.faces
        )
        said = [labels or tr("no face")]
        if picture.drawn:
            said.append(tr("drawn from the numbers, for no picture was stored"))
        self.setAccessibleDescription("; ".join(said))
        self.update()

    def show_text(self, text: str) -> None:
        """Show words instead of a picture."""
        self.picture = None
        super().show_text(text)

    def minimumSizeHint(self) -> QSize:
        """Small enough to leave room for the plots."""
        return QSize(200, 112)
