"""System: files, pipes, threads, the collector, packages that can't be imported."""
