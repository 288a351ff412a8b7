"""The dock "MetaSeg: Meta-train": plan a run, start it, watch it, keep its result."""
