"""Tasks: read from folders or made by rule, and turned into episodes."""
