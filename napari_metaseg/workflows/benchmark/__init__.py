"""The public benchmark: a few painted cells of one image, scored on other images."""

from .methods.registry import CONTROLS, Choice, make_methods
from .rows import Curve, Row
from .run import run_benchmark
from .settings import BenchmarkSettings
from .tables import report

__all__ = [
    "CONTROLS",
    "BenchmarkSettings",
    "Choice",
    "Curve",
    "Row",
    "make_methods",
    "report",
    "run_benchmark",
]
