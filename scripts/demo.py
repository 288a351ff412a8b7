"""Open napari with a sample image, the annotation layer and the MetaSeg panel.

    python3 scripts/demo.py [--sample phase_contrast | fluorescence | tissue]

The first run makes an environment of its own in ``.venvs/demo``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import _environment as environment

SAMPLES = ("phase_contrast", "fluorescence", "tissue")


def main() -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(description="Open napari, ready for painting.")
    parser.add_argument("--sample", choices=SAMPLES, default=SAMPLES[0])
    parser.add_argument(
        "--binding", choices=environment.BINDINGS, default=environment.BINDINGS[0]
    )
    options = parser.parse_args()
    environment.check_python()
    if not environment.has_display():
        environment.stop(
            "There is no display to open a window on; run this command on a desktop."
        )
    python = environment.prepare("demo", options.binding)
    variables = environment.environment_for(options.binding)
    environment.check_window([], python, variables)
    module = ["-m", "napari_metaseg.gui.demo", "--sample", options.sample]
    command = [str(python), *module]
    return subprocess.run(command, env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
