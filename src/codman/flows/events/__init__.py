"""Events into the house: opened from whatever they came in, held against who may send for which use, and kept."""
