"""Findings: kinks, gradients in doubt, undefined values, lost digits, cures and warnings."""
