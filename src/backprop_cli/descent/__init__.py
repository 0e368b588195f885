"""Descent: inputs moved against the gradient, step by step, and what the point is where it ends."""
