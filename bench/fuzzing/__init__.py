"""Random programs, and what is true of them by an evaluator of its own."""
