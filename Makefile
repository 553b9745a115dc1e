# `make` lists what can be made. Everything lives in .venv and target; `make clean` removes both.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
RUST := $(shell find crates -path crates/fuzz -prune -o \( -name '*.rs' -o -name Cargo.toml \) -print) Cargo.toml $(wildcard Cargo.lock)

.PHONY: help
help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(VENV)/.native  ## Build the program into .venv, with all that tests need

$(VENV)/.dependencies: requirements.lock scripts/setup
	@scripts/setup dependencies $(VENV)
	@touch $@

$(VENV)/.native: $(VENV)/.dependencies $(RUST) pyproject.toml
	@scripts/setup native $(VENV)
	@touch $@

.PHONY: run
run: setup  ## Start the gateway and a demo shop that sends to it (ARGS="--config F" to judge by F)
	@exec $(BIN)/tailsampler run --demo $(ARGS)

.PHONY: test
test: setup  ## Run all tests, Rust's and Python's (ARGS="-k ledger" reaches pytest)
	cargo test --locked --workspace --exclude tailsampler-py
	$(BIN)/pytest -n auto $(ARGS)

.PHONY: check
check: setup  ## Run all that judges the source: linters, formatters, types, the stub
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cargo fmt --all --check
	cargo fmt --manifest-path crates/fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(BIN)/python scripts/stubtest.py

.PHONY: fix
fix: $(VENV)/.dependencies  ## Format the source and repair what linters can
	$(BIN)/ruff check --fix . || true
	$(BIN)/ruff format .
	cargo fmt --all
	cargo fmt --manifest-path crates/fuzz/Cargo.toml

.PHONY: wheel
wheel: $(VENV)/.dependencies  ## Build the abi3 wheel in dist and try it in an empty environment
	@scripts/wheel $(BIN)

.PHONY: bench
bench: setup  ## Measure what a span costs, in under five minutes (ARGS="--case keep --rounds 3" chooses)
	cargo build --locked --release -p tailsampler-load
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-all
bench-all: setup  ## Measure every case: some hours, and 10 GB in TMPDIR
	cargo build --locked --release -p tailsampler-load
	$(BIN)/python -m benchmarks --all $(ARGS)

.PHONY: fuzz
fuzz:  ## Fuzz the logs, whole directories and the scan (ARGS="--seconds 10 wire"); needs a C++ compiler
	@scripts/fuzz $(ARGS)

FROM ?= $(shell date +%s)
SEEDS ?= 500000
KILLS ?= 1000
MINUTES ?= 60
.PHONY: soak
soak: setup  ## Look for broken promises for hours, on new seeds (FROM=N SEEDS=N KILLS=N MINUTES=N)
	cargo build --locked --release -p tailsampler-simulation
	target/release/tailsampler-simulate seeds --from $(FROM) --seeds $(SEEDS)
	target/release/tailsampler-simulate crash-points --scripts 300 --steps 80
	PROPTEST_CASES=20000 cargo test --locked --release -p tailsampler-core --test any_bytes --test repair
	$(BIN)/python -m tests.faults.crash --rounds $(KILLS) --seed $(FROM)
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) --seed $(FROM)
	$(BIN)/python -m tests.planted --seeds 10000

.PHONY: reference
reference: $(VENV)/.dependencies  ## Write docs/reference from what the source declares
	PYTHONPATH=. $(BIN)/python scripts/reference.py

.PHONY: kubernetes
kubernetes: $(VENV)/.dependencies  ## Write deploy/kubernetes from the Helm chart; needs Helm
	@PYTHONPATH=. $(BIN)/python scripts/kubernetes.py

.PHONY: audit
audit: $(VENV)/.dependencies  ## Hold crates and packages to deny.toml; asks cargo-deny and pip-audit, too
	@PYTHONPATH=. $(BIN)/python scripts/audit.py

.PHONY: lock
lock:  ## Choose new versions of the Python dependencies and write requirements.lock
	@scripts/lock

.PHONY: clean
clean:  ## Remove what was built; never the data directory
	rm -rf $(VENV) target dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find tailsampler -name '*.so' -delete
