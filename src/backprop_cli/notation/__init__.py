"""Notation: expressions as text, LaTeX and MathML."""
