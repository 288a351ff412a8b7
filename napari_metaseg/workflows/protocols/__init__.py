"""The experiments of the papers that this project grew out of, runnable."""
