# Everything is made in .venv, from the versions that were tested (constraints.txt).
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
RUN := .venv/run-installed
DEV := .venv/dev-installed

.PHONY: run test test-all check benchmark fix clean

run: $(RUN)
	$(BIN)/tinybert run

test: $(DEV) check
	$(BIN)/pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-all: $(DEV) check
	$(BIN)/pytest

check: $(DEV)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/mypy

benchmark: $(DEV)
	$(BIN)/pytest tests/benchmarks --benchmark-enable --benchmark-only

fix: $(DEV)
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

$(BIN)/python:
	$(PYTHON) -m venv .venv

$(RUN): pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -e '.[quickstart]' && touch $@

$(DEV): $(RUN)
	$(PIP) -e '.[all]' && touch $@

clean:
	rm -rf .venv runs
