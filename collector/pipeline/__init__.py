"""The road: merge, parse, detect, render."""
