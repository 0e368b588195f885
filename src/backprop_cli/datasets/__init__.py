"""Data sets: many files in, a folder of as many out, by processes of this machine or of a cluster.

A part is one input file, which becomes one output file. The plan says what all parts are and what is done
with them; a part is there whole or not at all, and its record after it; the same run again does what is
missing.
"""
