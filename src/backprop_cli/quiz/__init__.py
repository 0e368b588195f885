"""Exercises: problems that are solvable by hand, what is asked in each, and the marks of a class."""
