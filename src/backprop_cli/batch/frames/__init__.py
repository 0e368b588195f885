"""Data in columns: blocks of rows that pyarrow reads and writes and NumPy computes with.

Imported only once a file is large enough, or its form or the engine asked for needs it.
"""
