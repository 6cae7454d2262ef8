# Everything a newcomer needs: `make demo` and `make test` make their own environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/demo
# One torch thread per test process: two processes share the cores instead of fighting for them.
TEST_ENV := OMP_NUM_THREADS=1 PYTHONHASHSEED=0

# Changes here are compiled before anything runs. native/inplace is where the compiler works.
NATIVE := CMakeLists.txt $(shell find native -path native/inplace -prune -o \
  -type f \( -name '*.cpp' -o -name '*.h' -o -name '*.cmake' -o -name CMakeLists.txt \) -print)
# The compiler's tools come from the environment where the system has none.
CMAKE := PATH="$(CURDIR)/$(BIN):$$PATH" cmake

# What `make test-quick` runs: of each room the files that find most for a few seconds of processor time. By
# measurement (pytest's --durations), 70 s of it in one process, imports included: some 40 s on two quiet cores.
QUICK := tests/cells tests/data tests/report tests/runtime tests/native tests/test_public.py tests/test_reference.py \
  tests/test_unit.py tests/test_writing.py tests/cli/test_as_typed.py tests/cli/test_time.py \
  $(addprefix tests/engines/test_,laws.py choose.py gates.py recover.py) \
  $(addprefix tests/nn/test_,accelerate.py bad_input.py cells.py custom.py drop_in.py init.py lengths.py) \
  $(addprefix tests/tracing/test_,trace.py files.py) tests/test_penalties.py tests/figures/test_page.py \
  $(addprefix tests/memory/test_,exports.py ledger.py retention.py timescale.py saturation.py) \
  $(addprefix tests/estimators/test_,forecaster.py heads.py losses.py metrics.py network.py schedule.py) \
  tests/explaining/test_names.py

# The public modules that `make reference` describes; `!` leaves out modules that share their name with
# a public function.
REFERENCE := gatewise gatewise.data.datasets '!gatewise.nn.accelerate' '!gatewise.report.verdict'

.PHONY: demo test test-quick test-full test-cuda check lint types contracts docs notebooks reference format bench native test-native sanitize sanitize-address sanitize-thread clean help

help:
	@echo "make demo    train the virtual river gauge on bundled data, with scores and a report (minutes)"
	@echo "make test    run the tests"
	@echo "make test-quick  run the quickest of every room: under a minute"
	@echo "make test-full   run every test, the long sweeps too"
	@echo "make test-cuda   run the tests and timings that need a GPU: under three minutes"
	@echo "make native  compile the native engine again after a change in native/"
	@echo "make test-native  run the tests of the native core alone: seconds"
	@echo "make check   lint, types, import contracts and the examples in the docs"
	@echo "make notebooks  run docs/notebooks and store what they show (minutes)"
	@echo "make reference  write the API reference from the docstrings: build/reference/index.html"
	@echo "make sanitize  the native tests under the address, undefined and thread sanitizers"
	@echo "make bench   run the benchmarks of this version"
	@echo "make format  format the code"

demo: native
	$(BIN)/gatewise demo --out $(RUN)

test: $(VENV)/.development test-native
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist worksteal --ignore=tests/docs -m 'not full'

test-quick: $(VENV)/.development native
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist worksteal -q -m 'not full' $(QUICK)

test-full: $(VENV)/.development test-native
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist worksteal

test-cuda: $(VENV)/.development native
	$(BIN)/python -m tests.cuda build/cuda

test-native: native $(VENV)/.every-isa
	$(CMAKE) --build native/inplace --target gatewise_tests
	native/inplace/core/native/tests/gatewise_tests

check: lint types contracts docs

lint: $(VENV)/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.development
	$(BIN)/mypy

contracts: $(VENV)/.development
	$(BIN)/lint-imports

docs: $(VENV)/.development native
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist worksteal tests/docs

notebooks: $(VENV)/.development native
	$(BIN)/python docs/notebooks.py

# pdoc cannot evaluate annotations that are imported for type checkers only; it then shows them as written.
reference: $(VENV)/.development native
	$(BIN)/python -W "ignore:Error parsing type annotation" -W "ignore:Found '__version__' in" \
	  -m pdoc --docformat google -o build/reference $(REFERENCE)
	@echo "== open build/reference/index.html"

format: $(VENV)/.development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.development native
	$(BIN)/python -m benchmarks.loading
	$(BIN)/python -m benchmarks.gates
	$(BIN)/python -m benchmarks.trace_cost
	$(BIN)/python -m benchmarks.page_speed
	$(BIN)/python -m benchmarks.demo_seeds
	$(BIN)/python -m benchmarks.soil_depths
	$(BIN)/python -m benchmarks.native

native: $(VENV)/.native

# Each sanitizer in a folder of its own: that for threads cannot be joined with the other two, and needs one
# instruction set only, as threads are the same in all. ISAS=avx2 (an expression) leaves sets out: minutes.
sanitize: sanitize-address sanitize-thread
sanitize-address: SANITIZE := -DGATEWISE_SANITIZE=address,undefined '-DGATEWISE_ISAS=$(ISAS)'
sanitize-thread: SANITIZE := -DGATEWISE_SANITIZE=thread '-DGATEWISE_ISAS=baseline|neon'

sanitize-address sanitize-thread: sanitize-%: $(VENV)/.tools
	$(CMAKE) -S . -B build/$* -G Ninja -DGATEWISE_PYTHON=OFF -DGATEWISE_TESTS=ON -DGATEWISE_STRICT=ON $(SANITIZE)
	$(CMAKE) --build build/$* --target gatewise_tests
	build/$*/native/tests/gatewise_tests

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -f src/gatewise/_native*.so
	find native/inplace -mindepth 1 ! -name CMakeLists.txt ! -name .gitignore -delete

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gatewise needs Python 3.11 or newer; '$(PYTHON)' is older or missing. Try: make PYTHON=python3.12 demo"; exit 1; }
	@echo "== making the environment in $(VENV)"
	$(PYTHON) -m venv $(VENV)
	@touch $@

# What compiles the native engine: without a build environment of pip's own, which would vanish after each
# build, a change compiles in seconds.
$(VENV)/.tools: $(VENV)/.python pyproject.toml constraints.txt
	@echo "== installing what compiles the native engine"
	$(BIN)/python -m pip install -c constraints.txt scikit-build-core
	$(BIN)/python -m scikit_build_core.build requires --mode editable > $(VENV)/tools.json
	$(BIN)/python -c 'import json; print("\n".join(json.load(open("$(VENV)/tools.json"))))' > $(VENV)/tools.txt
	$(BIN)/python -m pip install -c constraints.txt -r $(VENV)/tools.txt
	@touch $@

# The compiler works while pip unpacks torch: half a minute less. Python compiles what it imports anyway, so pip need
# not compile all of torch and sympy while the compiler waits for a core: 15 s less.
$(VENV)/.package: $(VENV)/.tools
	@echo "== installing what gatewise needs (about 600 MB, mostly torch), and compiling its native engine beside that"
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")' \
	  > $(VENV)/needed.txt
	@SKBUILD_CMAKE_DEFINE="GATEWISE_ISAS=host$${SKBUILD_CMAKE_DEFINE:+;$$SKBUILD_CMAKE_DEFINE}" \
	  $(BIN)/python -m pip install -v --no-deps --no-build-isolation -e . > $(VENV)/compiling.txt 2>&1 & compiling=$$!; \
	$(BIN)/python -m pip install --no-compile -c constraints.txt -r $(VENV)/needed.txt; installed=$$?; \
	echo "== compiling: its output is in $(VENV)/compiling.txt"; \
	wait $$compiling || { cat $(VENV)/compiling.txt; exit 1; }; exit $$installed
	@touch $@

$(VENV)/.native: $(VENV)/.package $(NATIVE)
	$(CMAKE) --build native/inplace
	@touch $@

# The demo needs the instruction set of this machine only, and is there in half the time; the tests take all.
$(VENV)/.every-isa: $(VENV)/.package $(VENV)/.development
	@echo "== compiling the native engine for the other instruction sets"
	$(CMAKE) -DGATEWISE_ISAS= native/inplace
	$(CMAKE) --build native/inplace
	@touch $@

$(VENV)/.development: $(VENV)/.package
	@echo "== installing the tools for tests and checks"
	SKBUILD_CMAKE_DEFINE="GATEWISE_ISAS=host$${SKBUILD_CMAKE_DEFINE:+;$$SKBUILD_CMAKE_DEFINE}" \
	$(BIN)/python -m pip install -c constraints.txt --no-build-isolation -e ".[dev]"
	@touch $@
