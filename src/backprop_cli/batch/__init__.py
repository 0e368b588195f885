"""Batch: a program at every row of data."""
