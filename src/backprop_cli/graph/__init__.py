"""Graph: the tape of primitives, and the sweeps over it."""
