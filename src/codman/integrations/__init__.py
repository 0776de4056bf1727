"""Adapters to other people's systems, one file a system: what a room asks for in our words, done in theirs."""
