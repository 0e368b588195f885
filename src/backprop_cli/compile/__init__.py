"""Compile: the adjoint graph, and straight-line code made of it."""
