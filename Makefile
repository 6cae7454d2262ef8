# Everything a newcomer needs: `make demo` and `make test` make their own environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/demo
# One torch thread per test process: two processes share the cores instead of fighting for them.
TEST_ENV := OMP_NUM_THREADS=1 PYTHONHASHSEED=0

.PHONY: demo test check lint types contracts docs format bench clean help

help:
	@echo "make demo    train the virtual river gauge on bundled data, with scores and a report (minutes)"
	@echo "make test    run the tests"
	@echo "make check   lint, types, import contracts and the examples in the docs"
	@echo "make bench   run the benchmarks of this version"
	@echo "make format  format the code"

demo: $(VENV)/.package
	$(BIN)/gatewise demo --out $(RUN)

test: $(VENV)/.development
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist worksteal --ignore=tests/docs

check: lint types contracts docs

lint: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.development
	$(BIN)/mypy

contracts: $(VENV)/.development
	$(BIN)/lint-imports

docs: $(VENV)/.development
	$(TEST_ENV) $(BIN)/python -m pytest tests/docs

format: $(VENV)/.development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.development
	$(BIN)/python -m benchmarks.loading
	$(BIN)/python -m benchmarks.gates
	$(BIN)/python -m benchmarks.demo_seeds

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gatewise needs Python 3.11 or newer; '$(PYTHON)' is older or missing. Try: make PYTHON=python3.12 demo"; exit 1; }
	@echo "== making the environment in $(VENV)"
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.package: $(VENV)/.python pyproject.toml constraints.txt
	@echo "== installing gatewise and what it needs (about 600 MB, mostly torch)"
	$(BIN)/python -m pip install -c constraints.txt -e .
	@touch $@

$(VENV)/.development: $(VENV)/.package
	@echo "== installing the tools for tests and checks"
	$(BIN)/python -m pip install -c constraints.txt -e ".[dev]"
	@touch $@
