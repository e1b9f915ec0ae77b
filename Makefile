# Two commands for a fresh machine (Python 3.11+ with pip and venv, and make):
#   make run    the bundled pages, up to a published dataset and a review project
#   make test   everything that is checked before a change lands
PYTHON ?= python3
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

RUN := .venv
TEST := .venv-test
# One build of the local Label Studio serves all tests.
SERVER_VENV := $(CURDIR)/.curate/test/label-studio-venv

.PHONY: help run test check acceptance benchmarks lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(RUN)/.installed ## bundled pages to a published dataset and a local review project
	@$(RUN)/bin/curate server start
	@$(RUN)/bin/curate run experiment=samples

test: $(TEST)/.installed ## lint, types, import layers and all tests, in their own environment
	@bash tests/browser.sh
	@$(MAKE) --no-print-directory check VENV=$(TEST)
	@echo "== tests"
	@CURATE_SERVER_VENV=$(SERVER_VENV) $(TEST)/bin/python -m pytest -m "not acceptance" \
		--numprocesses auto --maxprocesses 4 --dist loadgroup $(PYTEST_ARGS)

check: VENV ?= $(TEST)
check: ## lint, types and import layers only
	@echo "== ruff";         $(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .
	@echo "== mypy";         $(VENV)/bin/mypy
	@echo "== import layers"; $(VENV)/bin/lint-imports

acceptance: $(TEST)/.installed ## full counts, resumable, ends with a table
	@bash tests/browser.sh
	@CURATE_SERVER_VENV=$(SERVER_VENV) $(TEST)/bin/python tests/acceptance/run.py $(ACCEPTANCE_ARGS)

PAGES ?= ../shared/data/wcxb-dev.parquet
benchmarks: $(TEST)/.installed ## all of tests/benchmarks: tables and .curate/bench/figures.json (QUICK=1)
	@CURATE_SERVER_VENV=$(SERVER_VENV) $(TEST)/bin/python -m tests.benchmarks $(PAGES) \
		$(if $(QUICK),--quick) $(BENCHMARK_ARGS)

lock: $(TEST)/.installed ## resolve requirements.lock anew
	@$(TEST)/bin/pip install --quiet uv
	@$(TEST)/bin/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --upgrade --quiet -o requirements.lock
	@echo "requirements.lock: $$(wc -l < requirements.lock) packages"

clean: ## remove environments and caches; exports/ and .curate/state stay
	rm -rf $(RUN) $(TEST) .curate/store .curate/test .mypy_cache .ruff_cache .pytest_cache .hypothesis

# An environment is complete when its marker is newer than what it was made from.
$(RUN)/.installed: pyproject.toml requirements.lock
	@bash tests/install.sh "$(PYTHON)" $(RUN) .

$(TEST)/.installed: pyproject.toml requirements.lock
	@bash tests/install.sh "$(PYTHON)" $(TEST) ".[dev,train]"
