"""Network, losses, codecs, tasks and the inner loop: no Qt, no napari, no files."""
