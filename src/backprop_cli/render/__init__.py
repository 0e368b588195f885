"""Records as text, a file per form. What is told was computed before, but the examples of ``ops``."""
