# The whole of MRX on this machine. Nothing but Python 3.11 or newer, and make, need be installed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
PARTS := shared/core shared/matching shared/lists shared/criteria deploy/platform deploy/local $(patsubst %/pyproject.toml,%,$(sort $(wildcard services/*/pyproject.toml)))
PROJECTS := $(PARTS:%=%/pyproject.toml)
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header
OWN := $(foreach part,shared matching lists criteria local platform $(subst _,-,$(notdir $(patsubst %/pyproject.toml,%,$(wildcard services/*/pyproject.toml)))),--no-emit-package mrx-$(part))
RUNTIME := $(foreach part,shared/core shared/matching shared/lists shared/criteria $(filter-out services/member,$(patsubst %/pyproject.toml,%,$(sort $(wildcard services/*/pyproject.toml)))),$(part)/pyproject.toml)
export UV_SYSTEM_CERTS := 1

help:       ## Show this
	@grep -E '^[a-z]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 20

setup: .venv/.ready  ## Make .venv with everything from the hashed locks, and the command .venv/bin/mrx

.venv/.ready: requirements.lock bootstrap.lock $(PROJECTS)
	@test -x $(BIN)/python || python3 -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bootstrap.lock
	@$(BIN)/uv pip sync --quiet --require-hashes requirements.lock bootstrap.lock
	@$(BIN)/uv pip install --quiet --offline --no-deps --no-build-isolation $(PARTS:%=--editable %)
	@touch $@

demo: setup  ## Run the scheme once on servers of its own: SEED=n MEMBERS=n ROWS=n SITES=n LISTS=DIR OUT=DIR KEEP=1
	@$(BIN)/mrx local demo --seed '$(or $(SEED),1)' $(if $(MEMBERS),--members '$(MEMBERS)') $(if $(ROWS),--rows '$(ROWS)') $(if $(SITES),--sites '$(SITES)') $(if $(LISTS),--lists '$(LISTS)') $(if $(OUT),--out '$(OUT)') $(if $(filter-out 0 no,$(KEEP)),--keep)

up: setup  ## Start the stack and leave it running; its data stays between starts
	@$(BIN)/mrx local up --detach

down: setup  ## Stop what `make up` or `make demo KEEP=1` left running
	@$(BIN)/mrx local down

check: setup  ## Format, lint, types, boundaries, unit tests, contracts; edits nothing
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(MAKE) --silent --jobs=2 types units

types:
	@$(BIN)/mypy && $(BIN)/lint-imports
units:
	@$(BIN)/pytest

test: check  ## Everything that check does, then the scenarios on real servers
	@deploy/local/browser && $(BIN)/pytest -m live

fix: setup  ## Format and mend what can be mended by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

contracts: setup  ## Write contracts/ anew from code
	@$(BIN)/python -m tests.contracts.generate

bench: setup  ## Measure speed as ratios to a floor in the same run
	@$(BIN)/pytest -m bench -s tests/bench
scale: setup  ## Measure how each step grows with rows and members, and fail where that is worse than in proportion
	@$(BIN)/pytest -m scale -s tests/bench

lock: setup  ## Choose newer versions and write the locks anew
	@$(COMPILE) bootstrap.in --output-file bootstrap.lock
	@$(COMPILE) $(PROJECTS) --extra service --group dev $(OWN) --upgrade --output-file requirements.lock
	@$(COMPILE) -c requirements.lock $(RUNTIME) $(OWN) --output-file deploy/runtime.lock
	@echo hatchling | $(COMPILE) -c requirements.lock - --output-file deploy/build.lock
.PHONY: help setup demo up down check types units test fix contracts bench scale lock
