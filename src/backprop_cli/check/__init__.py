"""Check: sympy's side of the cross-check, and the verdict."""
