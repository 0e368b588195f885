"""Console: what is written to a terminal or a pipe."""
