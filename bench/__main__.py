"""All benchmarks in turn: beside peers, the whole process, growth. Half an hour on two quiet cores."""

from bench import evaluate, growth, process

evaluate.main()
process.main()
growth.main()
