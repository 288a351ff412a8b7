"""Packages that only the benchmark needs, imported when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from napari_metaseg.core.errors import UserError


def need(name: str, remedy: str = "napari-metaseg[benchmark]") -> Any:
    """Import a package that is not always installed.

    Parameters
    ----------
    name : str
        Full name of the module.
    remedy : str
        What ``pip install`` has to be given for it.

    Returns
    -------
    module

    Raises
    ------
    UserError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(
            f"The benchmark needs {name.partition('.')[0]}; run: "
            f"pip install {_quoted(remedy)}."
        ) from error


def _quoted(remedy: str) -> str:
    """Quote what a shell would take apart."""
    return f"'{remedy}'" if "[" in remedy else remedy
