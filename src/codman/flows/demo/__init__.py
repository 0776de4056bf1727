"""The whole story on a real cohort: train, promise, evaluate, sign, gate, report. Start at story.py."""
