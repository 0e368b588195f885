"""Data in columns: blocks of rows that pyarrow reads and writes and NumPy computes with.

Imported only once a file is large enough, or of a form that needs it.
"""
