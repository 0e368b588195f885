"""Findings: kinks, undefined values, cures and warnings."""
