"""The dock "MetaSeg: Classes": a class for every cell, from a few examples."""
