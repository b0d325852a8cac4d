# Everything is made in .venv, from the versions that were tested (constraints.txt).
PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.run-installed
DEV := .venv/.dev-installed

.PHONY: run test test-all check benchmark fix clean

run: $(RUN)
	$(BIN)/tinybert run

test: $(DEV) check
	$(BIN)/pytest -m "not slow" -n 2

test-all: $(DEV) check
	$(BIN)/pytest

check: $(DEV)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports && $(BIN)/mypy

benchmark: $(DEV)
	$(BIN)/pytest tests/benchmarks --benchmark-only -m ""

fix: $(DEV)
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

$(RUN): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[quickstart]'
	touch $@

$(DEV): $(RUN)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all]'
	touch $@

clean:
	rm -rf .venv runs
