"""Tell: the passes step by step, paths, limits and counts."""
