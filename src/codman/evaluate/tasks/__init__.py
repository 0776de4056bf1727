"""Tasks: each reads its columns, makes a Sample and returns a TaskResult. Start at binary.py."""
