"""Pure online detectors: numbers and event times in, explained decisions out."""
