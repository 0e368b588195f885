"""Random programs, and what is true of them by an evaluator that shares no code with backprop_cli."""
