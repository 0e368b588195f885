"""System: files, pipes, threads and the collector."""
