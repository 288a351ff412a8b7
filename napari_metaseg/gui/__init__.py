"""The napari side: panel, layers, worker, sample data."""
