"""Print the commands that train the bundled initializations anew, in their order.

``python scripts/retrain.py TASKS > retrain.sh`` reads them from the cards in
``models``: each run once, after the runs that it goes on from, and all of them in one
folder. Of runs that were ended early it says after how many meta-steps; pause them
there and call them again with ``--resume --keep``. What a command does not name is as
it is in this version; the cards hold all settings of theirs.
"""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MODELS = Path(__file__).resolve().parents[1] / "models"


@dataclass(frozen=True)
class Chain:
    """Runs, in the order in which they can be run.

    Attributes
    ----------
    tasks, folder : Path
        What is trained on, and where the runs are written.
    runs : dict of str to str
        The command of each run, by its folder.
    """

    tasks: Path
    folder: Path
    runs: dict[str, str] = field(default_factory=dict)

    def add(self, training: dict[str, Any]) -> str:
        """Add a run after those that it goes on from; return its folder.

        Parameters
        ----------
        training : dict
            What a card says of it.
        """
        program, command, _, *words = shlex.split(training["command"])
        options = [word for word in words if word not in ("--resume", "--keep")]
        output = options.index("--output") + 1
        run = str(self.folder / options[output].replace("/", "-"))
        options[output] = run
        if (parent := training.get("parent")) is not None:
            start = self.add(parent["training"])
            options[options.index("--init") + 1] = f"{start}/bundle"
        if (unadapted := training.get("unadapted")) is not None:
            options += ["--unadapted", f"{self.add(unadapted['training'])}/bundle"]
        # What draws before the first-order start adapts was trained from that start.
        if run not in self.runs:
            told = shlex.join([program, command, str(self.tasks), *options])
            taken = training.get("meta_steps")
            if taken not in (None, int(options[options.index("--steps") + 1])):
                told += f"  # kept after {taken} meta-steps"
            self.runs[run] = told
        return run


def main() -> None:
    """Run from the shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=Path, metavar="TASKS", help="folder of tasks")
    parser.add_argument("--folder", type=Path, default=Path("retrained"), metavar="DIR")
    options = parser.parse_args()
    chain = Chain(options.tasks, options.folder)
    for card in sorted(MODELS.glob("*/card.json")):
        told = json.loads(card.read_text(encoding="utf-8"))
        run = chain.add(told["training"])
        chain.runs[run] += f"  # models/{card.parent.name}"
    print("\n".join(chain.runs.values()))


if __name__ == "__main__":
    main()
