"""Expect: what a user claims, and the verdict on it."""
