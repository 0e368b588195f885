"""Fitting: the parameters of a formula by rows of data, and how far they are known."""
