"""A program as a curve: values and slopes over a range of an input, and where it breaks."""
