# One word for each thing to do; `make help` lists them. Nothing to install first but Python 3.11+ and make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
JOBS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Stamps live in the environment they speak of: whoever deletes .venv deletes them too.
MADE := $(VENV)/.made
SETUP := pyproject.toml constraints.txt setup.py build_support/backend.py
# Made last: evaluate's is there when it is
KERNEL := src/codman/monitor/kernels/_kernels.so
KERNEL_SOURCES := $(wildcard src/codman/*/kernels/*.c src/codman/*/kernels/*.h)

# what tests start by the hundred would compile everything each time, where the machine says to keep no bytecode
export PYTHONDONTWRITEBYTECODE :=

.NOTPARALLEL:
.PHONY: help demo test check format reference docs bench coverage-table soak kernel wheel install-check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(MADE)-demo $(KERNEL) ## the whole story on a real cohort, then a hospital to look at until Ctrl-C; DEMO=--no-serve for scripts
	$(BIN)/codman demo $(DEMO)

test: $(MADE)-dev $(MADE)-parts $(KERNEL) ## every test
	$(BIN)/python -m pytest -n $(JOBS)

check: $(MADE)-dev $(KERNEL) ## format, lint, types, floors, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/test_docs.py tests/test_repository.py

format: $(MADE)-dev ## rewrite the code as ruff formats it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reference: $(MADE)-dev ## write the generated pages (commands, errors) again from the code
	$(BIN)/python build_support/reference.py

docs: $(MADE)-dev ## the documentation as a site in site/, with nothing fetched when it is read
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

bench: $(MADE)-dev $(KERNEL) ## speed beside other libraries, as ratios in one run
	$(BIN)/python -m bench

coverage-table: $(MADE)-dev $(KERNEL) ## how often each interval covers the truth, by simulation; hours
	$(BIN)/python -m bench.coverage --full --out docs/coverage.md

soak: $(MADE)-dev $(MADE)-parts $(KERNEL) ## the long runs whole, which `make test` scales down
	CODMAN_SOAK=1 $(BIN)/python -m pytest -n $(JOBS)

kernel: $(MADE)-dev ## compile the C kernels again
	touch $(KERNEL_SOURCES)
	$(MAKE) $(KERNEL)

wheel: $(MADE)-dev ## a wheel for any Linux since 2014 (glibc 2.17), in dist/
	build_support/wheel "$(BIN)/python"

install-check: $(MADE)-dev ## build and install the light core in bare environments without a compiler
	build_support/install-check "$(BIN)/python"

clean: ## remove what was built, the environment too
	rm -rf $(VENV) build dist site demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f src/codman/*/kernels/_kernels.*
	find src tests bench -name __pycache__ -prune -exec rm -rf {} +

$(MADE):
	build_support/machine venv "$(PYTHON)"
	"$(PYTHON)" -m venv "$(VENV)"
	touch $@

$(MADE)-demo: $(MADE) $(SETUP)
	$(PIP) -e '.[demo]'
	touch $@

$(MADE)-dev: $(MADE) $(SETUP)
	$(PIP) -e '.[dev]'
	touch $@ $(MADE)-demo

$(MADE)-parts: $(MADE)
	build_support/machine browser
	build_support/machine postgresql
	build_support/machine node
	build_support/machine prometheus
	build_support/machine java
	touch $@

# The editable install compiles too; this is for the sources edited since.
$(KERNEL): $(KERNEL_SOURCES) | $(MADE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check setuptools wheel
	$(BIN)/python setup.py --quiet build_ext --inplace --force
