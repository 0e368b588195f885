"""Mutation testing in one process: mutants of a file, planted in a fork of the process that has the tests."""
