"""Draw: a program as boxes and arrows."""
