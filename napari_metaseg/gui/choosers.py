"""Which image, which channel, which start and which device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QCheckBox, QComboBox, QListView

from napari_metaseg.core.settings import DEFAULT_INIT

from . import images
from .form import Form

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Image

    from napari_metaseg.core.devices import DeviceInfo

    from .images import Reading
    from .rounds import Initialization, Ready

_SHORT = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
_ANY_DEVICE = "auto"
_MIRRORS = (
    "The adapted network looks at four mirror images of each image, and averages: a "
    "little better, and four times as slow. Worth unticking for very large images."
)
_SCALES = (
    "Cells are learned at three object sizes, and those are taken on which most looks "
    "agree: better in most images, and three times as slow."
)


class Chooser(QComboBox):
    """A combo box over values, which may be any objects."""

    def __init__(self, tip: str) -> None:
        super().__init__()
        self.setToolTip(tip)
        self.setSizeAdjustPolicy(_SHORT)
        self.setMinimumContentsLength(12)
        self._values: list[Any] = []
        self._items, self._list = QStandardItemModel(self), QListView(self)
        self.setModel(self._items)
        self.setView(self._list)

    def offer(self, choices: Iterable[tuple[str, Any]], chosen: Any = None) -> None:
        """Replace the choices silently; keep the chosen one, else take the first."""
        choices = list(choices)
        self._values = [value for _, value in choices]
        self.blockSignals(True)
        self.clear()
        self.addItems([title for title, _ in choices])
        self.setCurrentIndex(self._index(chosen))
        self.blockSignals(False)

    def choose(self, value: Any) -> None:
        """Choose a value, as a person would."""
        self.setCurrentIndex(self._index(value))

    @property
    def values(self) -> list[Any]:
        """The choices."""
        return list(self._values)

    @property
    def titles(self) -> list[str]:
        """The choices as they are shown."""
        return [self.itemText(row) for row in range(self.count())]

    @property
    def value(self) -> Any:
        """The chosen value, None where there is none."""
        at = self.currentIndex()
        return self._values[at] if 0 <= at < len(self._values) else None

    def enable(self, row: int, usable: bool) -> None:
        """Grey a choice out, or not."""
        item = self._items.item(row)
        if item is not None:
            item.setEnabled(usable)

    def widen(self) -> None:
        """Make the open list as wide as its longest choice."""
        self._list.setMinimumWidth(self._list.sizeHintForColumn(0) + 24)

    def _index(self, value: Any) -> int:
        same = (i for i, v in enumerate(self._values) if v is value or v == value)
        return next(same, 0 if self._values else -1)


class SourceForm(Form):
    """What to segment, and from which start on which device.

    Signals
    -------
    image_changed :
        Another image, or another reading of its channels, was chosen.

    Attributes
    ----------
    advanced : Form
        Start, device and mirror images, which are shown apart.
    """

    image_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.images = Chooser("The image in which you paint cells.")
        self.channels = Chooser("Which channel shows the cells.")
        self.inits = Chooser("The meta-learned start from which Adapt sets out.")
        self.devices = Chooser("Where the computing is done.")
        self.add("Image", self.images)
        self.add("Channel", self.channels)
        self.advanced = Form()
        self.advanced.add("Start from", self.inits)
        self.advanced.add("Device", self.devices)
        self.mirrors = QCheckBox("Average mirror images")
        self.mirrors.setToolTip(_MIRRORS)
        self.mirrors.setChecked(True)
        self.advanced.add_wide(self.mirrors)
        self.scales = QCheckBox("Let three scales vote")
        self.scales.setToolTip(_SCALES)
        self.advanced.add_wide(self.scales)
        self.inits.offer([("iMAML", DEFAULT_INIT)])
        self.devices.offer([("Automatic", _ANY_DEVICE)])
        self.images.currentIndexChanged.connect(self._on_image)
        self.channels.currentIndexChanged.connect(self._on_channel)

    @property
    def image(self) -> Image | None:
        """The chosen image."""
        image: Image | None = self.images.value
        return image

    @property
    def reading(self) -> Reading | None:
        """How the image's axes are read; None for an image with too many."""
        reading: Reading | None = self.channels.value
        return reading

    @property
    def init(self) -> str:
        """Name of the chosen meta-initialization."""
        return str(self.inits.value)

    @property
    def device(self) -> str:
        """Name of the chosen device."""
        return str(self.devices.value)

    def offer_images(self, layers: list[Image], chosen: Image | None) -> None:
        """Follow the viewer's layers."""
        image, reading = self.image, self.reading
        self.images.offer([(layer.name, layer) for layer in layers], chosen)
        self.images.setEnabled(bool(layers))
        self._offer_channels()
        if self.image is not image or self.reading != reading:
            self.image_changed.emit()

    def choose_image(self, image: Image) -> None:
        """Choose one of the images offered."""
        self.images.choose(image)

    def choose_shape(self, shape: tuple[int, ...]) -> None:
        """Read the channels so that an annotation of this shape fits, if one can be."""
        image = self.image
        ways = [] if image is None else images.readings(image)
        for way in ways:
            if image is not None and images.annotation_shape(image, way) == shape:
                self.channels.choose(way)
                return

    def prefer_init(self, name: str) -> None:
        """Choose a start; until it is known which there are, one that may not be."""
        self._prefer(self.inits, name)

    def prefer_device(self, name: str) -> None:
        """Choose a device; until it is known which there are, one that may not be."""
        self._prefer(self.devices, name)

    def _prefer(self, chooser: Chooser, name: str) -> None:
        if chooser.count() > 1:
            chooser.choose(name)
        elif name != chooser.value:
            chooser.offer([(name, name)])

    def offer_ready(self, ready: Ready) -> None:
        """Fill in what is known once torch is loaded."""
        if ready.initializations:
            self._offer_inits(ready.initializations)
        self._offer_devices(ready.devices)

    def _offer_inits(self, known: tuple[Initialization, ...]) -> None:
        self.inits.offer([(i.title, i.name) for i in known], self.init)
        for row, init in enumerate(known):
            self.inits.setItemData(row, init.summary, Qt.ItemDataRole.ToolTipRole)

    def _offer_devices(self, known: tuple[DeviceInfo, ...]) -> None:
        """List the devices; those that cannot be used are grey and say why."""
        titles = [d.label if d.available else f"{d.label}: {d.why}" for d in known]
        names = [device.name for device in known]
        usable = {device.name for device in known if device.available}
        chosen = self.device if self.device in usable else _ANY_DEVICE
        self.devices.offer(zip(titles, names, strict=True), chosen)
        for row, device in enumerate(known):
            self.devices.setItemData(row, titles[row], Qt.ItemDataRole.ToolTipRole)
            self.devices.enable(row, device.available)
        self.devices.widen()

    def _on_image(self) -> None:
        self._offer_channels()
        self.image_changed.emit()

    def _on_channel(self) -> None:
        self.image_changed.emit()

    def _offer_channels(self) -> None:
        ways = [] if self.image is None else images.readings(self.image)
        chosen = self.reading
        if chosen not in ways:  # a channel stays, though an axis has another name
            chosen = next((w for w in ways if chosen and w.title == chosen.title), None)
        self.channels.offer([(way.title, way) for way in ways], chosen)
        self.channels.setEnabled(len(ways) > 1)
