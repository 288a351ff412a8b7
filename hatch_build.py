"""Take `napari.yaml` and `models/` from the top level into the package."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "napari_metaseg"


class TopLevelFilesHook(BuildHookInterface):  # type: ignore[type-arg]
    """Ship the manifest and the models with the package.

    npe2 looks for the manifest inside the package. A wheel gets both files
    added. An editable install imports from this folder, so the manifest is
    copied beside the package's modules (git ignores the copy), and the models
    are found at the top level.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to a wheel, or copy the manifest for an editable one.

        Parameters
        ----------
        version : str
            "standard" or "editable".
        build_data : dict
            hatchling's record of this build, changed in place.
        """
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        manifest = root / "napari.yaml"
        if version == "editable":
            shutil.copyfile(manifest, root / PACKAGE / manifest.name)
            return
        files = [manifest, *(p for p in (root / "models").rglob("*") if p.is_file())]
        for file in files:
            inside = f"{PACKAGE}/{file.relative_to(root).as_posix()}"
            build_data["force_include"][str(file)] = inside
