"""COCO data sets: JSON files, and images anywhere below the folder.

LIVECell's own files give one task for each cell line, others one for each category.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from napari_metaseg.core.errors import UserError

from .coco_file import CocoMasks, is_coco, read_content
from .found import (
    IMAGE_SUFFIXES,
    FoundTask,
    Pair,
    Skipped,
    list_files,
    list_parts,
    name_and_source,
    task_name,
)
from .masks import Outlines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .coco_file import CocoContent, CocoImage
    from .found import MaskSource

# For example A172_Phase_C7_1_00d00h00m_1.tif.
_LIVECELL = re.compile(r"([A-Za-z0-9-]+)_Phase_[A-Z]\d+_\d+_\d\dd\d\dh\d\dm_\d+\.\w+")


def find_coco(folder: Path) -> list[FoundTask]:
    """Find one task for each cell line (LIVECell) or for each category.

    Several files, for instance one each for training and testing, are one data set.
    A file that is damaged becomes a task without images, which says so.
    """
    contents: dict[Path, CocoContent] = {}
    damaged = []
    for path in _files(folder):
        try:
            contents[path] = read_content(path)
        except UserError as error:
            damaged.append(
                FoundTask(
                    task_name(path.stem),
                    "coco",
                    name_and_source(folder)[1],
                    (),
                    (Skipped(str(path), str(error)),),
                )
            )
    if not any(content.images for content in contents.values()):
        return damaged
    return [*_tasks(folder, contents), *damaged]


def _files(folder: Path) -> Iterator[Path]:
    places = list(list_parts(folder))
    annotations = folder / "annotations"
    if annotations.is_dir():
        places += [annotations, *sorted(annotations.glob("**/"))[1:]]
    for place in places:
        for path in list_files(place):
            if path.suffix.lower() == ".json" and is_coco(path):
                yield path


def _tasks(folder: Path, contents: dict[Path, CocoContent]) -> list[FoundTask]:
    prefix, source = name_and_source(folder)
    index = _Images(folder)
    groups = _groups(contents)
    pairs: dict[str, list[Pair]] = {name: [] for name in groups}
    skipped: dict[str, list[Skipped]] = {name: [] for name in groups}
    crowded = set()
    for name, named in groups.items():
        seen = set()
        for path, image, category in named:
            try:
                file = index.find(image.file_name, path.parent)
            except UserError as error:
                skipped[name].append(Skipped(image.file_name, str(error)))
                continue
            if file in seen and not contents[path].stack:
                skipped[name].append(
                    Skipped(str(file), "is annotated twice; the first is taken")
                )
                continue
            if file not in seen:
                pairs[name].append(Pair(file, _masks(path, contents, image, category)))
            seen.add(file)
            if image.id in contents[path].crowds:
                crowded.add(name)
    licences = {content.licence for content in contents.values()}
    licence = licences.pop() if len(licences) == 1 else ""
    return [
        FoundTask(
            task_name(prefix if not name else f"{prefix}_{name}"),
            "coco",
            source,
            tuple(pairs[name]),
            tuple(skipped[name]),
            licence=licence or "unknown",
            complete=name not in crowded,
        )
        for name in groups
    ]


def _masks(
    path: Path,
    contents: dict[Path, CocoContent],
    image: CocoImage,
    category: str | None,
) -> MaskSource:
    if contents[path].stack:
        return Outlines(path)
    return CocoMasks(path, image.id, image.shape, category)


_Named = tuple[Path, "CocoImage", str | None]


def _groups(contents: dict[Path, CocoContent]) -> dict[str, list[_Named]]:
    """Sort images into tasks: by cell line, by category, or all into one ('')."""
    images = [(path, i) for path, c in contents.items() for i in c.images]
    lines = [_LIVECELL.fullmatch(i.file_name.rpartition("/")[2]) for _, i in images]
    groups: defaultdict[str, list[_Named]] = defaultdict(list)
    if all(lines):
        for (path, image), line in zip(images, lines, strict=True):
            assert line is not None
            groups[line[1]].append((path, image, None))
        return dict(sorted(groups.items()))
    used = {
        o.category
        for content in contents.values()
        for objects in content.objects.values()
        for o in objects
    }
    if len(used) <= 1:
        return {"": [(path, image, None) for path, image in images]}
    for path, image in images:
        objects = contents[path].objects.get(image.id, ())
        for category in {o.category for o in objects}:
            groups[category].append((path, image, category))
    return dict(sorted(groups.items()))


class _Images:
    """Finds the files that a JSON file names, below one folder and nowhere else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.by_name: defaultdict[str, list[Path]] = defaultdict(list)
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != ".":
                self.by_name[path.name].append(path)

    def find(self, name: str, beside: Path) -> Path:
        """Return the file of an image.

        Raises
        ------
        UserError
            If there is none, there are several, or the name leads out of the folder.
        """
        parts = PurePosixPath(name.replace("\\", "/")).parts
        leads_out = ".." in parts or PureWindowsPath(name).anchor or "\0" in name
        if not parts or leads_out or PureWindowsPath(name).drive:
            raise UserError(
                "leads out of its folder; name images relative to the JSON file."
            )
        for place in (beside, beside / "images", self.folder, self.folder / "images"):
            path = place.joinpath(*parts)
            if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES:
                return path
        known = self.by_name.get(parts[-1], [])
        if len(known) == 1:
            return known[0]
        if known:
            raise UserError("is the name of several images below the folder")
        raise UserError("is named in the JSON file but is not below the folder")
