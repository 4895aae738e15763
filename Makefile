# Lakebed's workshop. `make demo` and `make test` set everything up by themselves and, run again, do only what changed.
#
# Needs GNU make, bash, a C compiler, a Rust toolchain (cargo) and Python >= 3.10 with its venv module. Packages come
# from wherever this machine's cargo and pip are set to look.

PYTHON ?= python3
PROFILE := ci
SOAK_CASES ?= 20000
VENV := .venv
BIN := $(VENV)/bin
BENCH_VENV := target/bench-venv

# The editable install: Python sources are used in place, only this file is built.
EXTENSION := python/lakebed/_core.abi3.so
RUST := Cargo.toml Cargo.lock rust/core/Cargo.toml rust/python/Cargo.toml \
	$(shell find rust -name '*.rs' -not -path '*/target/*' 2>/dev/null)
MATURIN = env -u CONDA_PREFIX VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(BIN)/maturin

# Every build of the day uses this one profile, so that no dependency is compiled twice (Cargo.toml says what it is).
# PyO3's build script looks for an interpreter: the same one for every tool, or each would run it again.
export PYO3_PYTHON := $(CURDIR)/$(BIN)/python
CARGO := cargo
CARGO_FLAGS := --locked --profile $(PROFILE)

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

heading = @printf '\n=== %s ===\n' '$(1)'

.PHONY: help
help: ## What can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# --- Set-up ----------------------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(EXTENSION)

# pip 25.1 is the first that knows dependency groups.
$(VENV)/.created:
	$(call heading,virtual environment)
	@command -v cargo >/dev/null || { echo 'cargo not found: install a Rust toolchain first' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo '$(PYTHON) is not a Python >= 3.10; name one: make PYTHON=python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' \
		|| { echo '$(PYTHON) has no venv module: on Debian, apt-get install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.dependencies: pyproject.toml $(VENV)/.created
	$(call heading,dependencies)
	$(BIN)/python -m pip install --quiet --group dev
	$(BIN)/python -m pip install --quiet --no-deps --group demo
	@touch $@

# Data of examples/ml_metadata_lab.py: a source distribution that is unpacked, never built; its SHA-256 is pinned there.
DATA := target/data
$(DATA)/.fetched: $(EXTENSION)
	$(call heading,data of examples/ml_metadata_lab.py)
	@LAKEBED_DATA=$(DATA) $(BIN)/python examples/ml_metadata_lab.py --fetch
	@touch $@

# ML Metadata itself needs Python 3.11 at most and protobuf below 5: an environment of its own, where it can be made.
ORIGINAL_VENV := target/ml-metadata-venv
ORIGINAL_PYTHON ?= python3.11
.PHONY: original
original:
	@$(ORIGINAL_VENV)/bin/python -c 'import ml_metadata' 2>/dev/null || { \
		$(ORIGINAL_PYTHON) -m venv $(ORIGINAL_VENV) && \
		$(ORIGINAL_VENV)/bin/python -m pip install --quiet ml-metadata==1.17.1 'protobuf<5'; \
	} || echo 'no environment with ml-metadata 1.17.1 (it needs Python 3.11): the tests beside it are skipped' >&2

# The servers that the metadata store is tested on. Root on Debian installs them; else they must be there in CI.
.PHONY: servers
servers: ## MariaDB and PostgreSQL for the tests, from Debian's packages where this is root.
	@bash .ci/servers

# Changed dependencies or metadata install the package anew; changed Rust only builds the extension.
$(EXTENSION): $(RUST) $(VENV)/.dependencies
	$(call heading,extension module)
	$(MATURIN) develop $(CARGO_FLAGS) $(if $(filter $(VENV)/.dependencies,$?),,--skip-install)
	@touch $@

# --- What a user runs ------------------------------------------------------------------------------------------------

.PHONY: demo
demo: $(EXTENSION) $(DATA)/.fetched ## The main jobs on real data: examples/journey.py, examples/ml_metadata_lab.py.
	$(call heading,examples/journey.py)
	@$(BIN)/python examples/journey.py
	$(call heading,examples/ml_metadata_lab.py)
	@LAKEBED_DATA=$(DATA) $(BIN)/python examples/ml_metadata_lab.py

.PHONY: wheel
wheel: $(VENV)/.dependencies ## A release wheel in dist/.
	$(MATURIN) build --locked --release --out dist

# --- Gates: all run, each below its heading; one that failed fails the whole -----------------------------------------

LINTS := gate-rustfmt gate-clippy gate-ruff gate-format gate-mypy gate-stubs gate-floors
TESTS := gate-rust gate-python

.PHONY: check
check: $(EXTENSION) ## Formatting, lints and types only.
	@$(MAKE) --no-print-directory --keep-going $(LINTS)
	$(call heading,lints and types are clean)

.PHONY: test
test: $(EXTENSION) $(DATA)/.fetched servers original ## Every gate: lints, types and all tests.
	@$(MAKE) --no-print-directory --keep-going $(LINTS) $(TESTS)
	$(call heading,all gates passed)

.PHONY: $(LINTS) $(TESTS)
gate-rustfmt:
	$(call heading,rustfmt)
	@$(CARGO) fmt --all -- --check

gate-clippy:
	$(call heading,clippy)
	@$(CARGO) clippy $(CARGO_FLAGS) --workspace --all-targets -- -D warnings

gate-ruff:
	$(call heading,ruff check)
	@$(BIN)/ruff check .

gate-format:
	$(call heading,ruff format)
	@$(BIN)/ruff format --check .

gate-mypy:
	$(call heading,mypy --strict)
	@$(BIN)/mypy

gate-stubs:
	$(call heading,stub = extension)
	@test -s python/lakebed/_core.pyi # Without a stub, stubtest has nothing to compare and is content.
	@$(BIN)/python -m mypy.stubtest lakebed._core

gate-floors:
	$(call heading,floors of the house)
	@$(BIN)/lint-imports

gate-rust:
	$(call heading,Rust tests)
	@$(CARGO) test $(CARGO_FLAGS) --workspace

gate-python:
	$(call heading,Python tests)
	@$(BIN)/python -m pytest

# --- Rarely ----------------------------------------------------------------------------------------------------------

.PHONY: soak
soak: $(EXTENSION) ## The fuzz and fault runs with a large budget (SOAK_CASES examples of each law).
	$(call heading,Rust laws)
	@PROPTEST_CASES=$(SOAK_CASES) $(CARGO) test $(CARGO_FLAGS) --workspace -- --include-ignored
	$(call heading,Python laws)
	@SOAK_CASES=$(SOAK_CASES) $(BIN)/python -m pytest --hypothesis-profile=soak -m 'soak or not soak' \
		tests/property tests/integration

# The benches run the wheel that users get, in an environment of its own beside the rivals.
.PHONY: bench
bench: $(VENV)/.dependencies benches/requirements.txt ## Every claim of benches/README.md, ours beside the rival.
	$(call heading,release wheel and rivals)
	@rm -rf target/bench-wheel
	$(MATURIN) build --locked --release --out target/bench-wheel
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --force-reinstall --no-deps target/bench-wheel/*.whl
	$(BENCH_VENV)/bin/python -m pip install --quiet target/bench-wheel/*.whl -r benches/requirements.txt
	@for bench in benches/rust/*.rs; do \
		test -e "$$bench" || continue; \
		printf '\n=== %s ===\n' "$$bench"; \
		$(CARGO) bench --locked --bench "$$(basename "$$bench" .rs)"; \
	done
	@for bench in benches/python/*.py; do \
		test -e "$$bench" || continue; \
		test "$$bench" != benches/python/metadata_store.py || continue; \
		printf '\n=== %s ===\n' "$$bench"; \
		$(BENCH_VENV)/bin/python "$$bench"; \
	done

.PHONY: bench-metadata
bench-metadata: $(VENV)/.dependencies original ## The metadata store beside ML Metadata 1.17.1 (needs Python 3.11).
	$(call heading,benches/python/metadata_store.py)
	$(ORIGINAL_VENV)/bin/python -m pip install --quiet 'sqlglot>=30.30,<31' 'sqlalchemy>=2' 'polars>=2.1' 'pyarrow>=18'
	PYTHONPATH=python $(ORIGINAL_VENV)/bin/python benches/python/metadata_store.py

# What pyproject.toml promises to work with, at its lowest: `>=` read as `==`.
FLOOR_VENV := target/floor-venv
FLOORS = $(BIN)/python -c 'import tomllib; \
	print(*(line.replace(">=", "==") for line in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))'

.PHONY: floors
floors: $(EXTENSION) ## The Python tests with the lowest supported version of each dependency.
	$(call heading,lowest supported dependencies)
	@test -x $(FLOOR_VENV)/bin/python || $(PYTHON) -m venv $(FLOOR_VENV)
	$(FLOOR_VENV)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(FLOOR_VENV)/bin/python -m pip install --quiet --group dev $$($(FLOORS))
	$(FLOOR_VENV)/bin/python -m pip install --quiet --no-deps --group demo
	$(FLOOR_VENV)/bin/python -m pip list
	@echo "$(CURDIR)/python" >"$$($(FLOOR_VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/lakebed.pth"
	# The lowest Typer calls what the next Click will not have any more; no program is installed here.
	@$(FLOOR_VENV)/bin/python -m pytest -W ignore::DeprecationWarning:typer \
		--deselect tests/unit/test_cli.py::test_the_installed_program_runs \
		tests/unit tests/property tests/conformance tests/sql tests/integration python/lakebed

.PHONY: format
format: $(VENV)/.dependencies ## Format Rust and Python in place.
	$(CARGO) fmt --all
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format .

.PHONY: clean
clean: ## Remove everything that was built, the virtual environment included.
	rm -rf target build dist $(VENV) python/lakebed/_core.*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis \
		.import_linter_cache
	find python tests benches examples -name __pycache__ -type d -prune -exec rm -rf {} +
