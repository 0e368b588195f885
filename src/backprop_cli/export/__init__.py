"""A program and its gradients as source code of another language: straight-line reverse mode, with a test."""
