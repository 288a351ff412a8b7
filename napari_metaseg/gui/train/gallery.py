"""Pictures of validation images: the image, and its cells before and after adapting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPaintEvent, QPixmap
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .watch import Picture


class WidePicture(QWidget):
    """A picture that is as wide as there is room, and as high as it then must be."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap = QPixmap()
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_picture(self, picture: Picture) -> None:
        """Show pixels, (Y, X, 3) of uint8."""
        height, width, _ = picture.pixels.shape
        # A copy of its own: the image would only refer to the array's memory.
        self._pixmap = QPixmap.fromImage(
            QImage(
                picture.pixels.tobytes(),
                width,
                height,
                3 * width,
                QImage.Format.Format_RGB888,
            ).copy()
        )
        self.updateGeometry()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Tell the layout that the height follows the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height at which the proportions are kept."""
        size = self._pixmap.size()
        return width * size.height() // max(size.width(), 1)

    def sizeHint(self) -> QSize:
        """Return the size at the present width."""
        return QSize(self.width(), self.heightForWidth(self.width()))

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the picture."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(self.rect(), self._pixmap)


class Gallery(QWidget):
    """A picture for each validation task, below each other."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: dict[str, WidePicture] = {}
        self._shown: dict[str, Picture] = {}
        self._captions: dict[str, QLabel] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(3)

    def show_pictures(
        self, pictures: Mapping[str, Picture], captions: Mapping[str, str]
    ) -> None:
        """Show pictures by task; those that are unchanged stay."""
        for task in [t for t in self.pictures if t not in pictures]:
            for widget in (self.pictures.pop(task), self._captions.pop(task)):
                widget.hide()
                widget.deleteLater()
            del self._shown[task]
        for task, picture in pictures.items():
            if task not in self.pictures:
                self._add(task)
            if self._shown.get(task) is not picture:
                self.pictures[task].show_picture(picture)
                self._shown[task] = picture
            self._captions[task].setText(captions.get(task, task))

    def _add(self, task: str) -> None:
        caption, picture = QLabel(), WidePicture()
        caption.setWordWrap(True)
        caption.setAlignment(Qt.AlignmentFlag.AlignLeft)
        picture.setToolTip(
            f"{task}: the image with three painted cells, what is found before "
            "adapting to them, and after."
        )
        self._captions[task], self.pictures[task] = caption, picture
        self._layout.addWidget(caption)
        self._layout.addWidget(picture)
