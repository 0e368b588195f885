"""Claims on columns of data, in columns. Needs NumPy and pyarrow."""
