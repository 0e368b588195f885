"""One file per output form. Renderers read a report and return text; they compute nothing."""
