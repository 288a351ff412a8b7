"""Plain functions and generators that join bundles, tasks, the inner loop and tiles."""
