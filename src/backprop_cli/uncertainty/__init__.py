"""How uncertain a result is, from its inputs: to first and second order, at random points."""
