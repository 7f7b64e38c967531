# Chores of hippo. `make` alone lists them. Everything is installed into VENV, nothing anywhere else.
#
#   make test PYTHON=python3.12 VENV=/tmp/venv-312 WORKERS=8

SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test pytest slow lint minimal docs clean distclean

PYTHON ?= python3
VENV ?= .venv
# One more than the cores of a small machine: many tests wait for servers and processes.
WORKERS ?= 3
# Each worker keeps to tests that stand together, whose fixtures it has, and computes with one thread.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

BIN := $(VENV)/bin
LOG := $(VENV)/install.log

DEMO_EXTRAS := local,documents

# An installation is stale when one of these is newer than the stamp that it left.
PINS := pyproject.toml constraints.txt

# Shows what takes long (files of a megabyte and more), keeps the rest in LOG, and shows its end when pip fails.
define install
	@echo "==> Installing hippo-memory[$(1)] into $(VENV)"
	@set -o pipefail; PYTHONUNBUFFERED=1 $(BIN)/python -m pip install --disable-pip-version-check --no-input \
		--editable ".[$(1)]" --constraint constraints.txt 2>&1 \
		| tee $(LOG) \
		| awk '/ [MG]B\)/ { print; fflush() } /^Installing collected/ { print "  Unpacking"; fflush() }' \
		|| { tail -n 20 $(LOG); echo "Installation failed; all that pip said is in $(LOG)"; exit 1; } >&2
	@touch $(2)
endef

help: ## List the chores
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/.demo ## Install hippo with local models and document formats

demo: $(VENV)/.demo ## Index the sample corpus, answer multi-hop questions, compare with dense search
	@$(BIN)/hippo demo

# Side by side: many tests wait for servers and processes, and the type checker does not.
test: $(VENV)/.dev ## Run every check: style, types, import contracts, tests and doctests
	@$(MAKE) --no-print-directory --jobs=2 lint pytest

pytest: $(VENV)/.dev
	@echo "==> pytest"
	@$(PYTEST) -m "not slow"

slow: $(VENV)/.dev ## Run the tests that take long or depend on the last digit of a model
	@$(PYTEST) -m slow

lint: $(VENV)/.dev ## Run the checks that execute nothing: style, types, import contracts
	@echo "==> ruff"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "==> mypy"
	@$(BIN)/mypy
	@echo "==> lint-imports"
	@$(BIN)/lint-imports

minimal: ## Install without extras into a folder of its own and try what must work there
	@PYTHON=$(PYTHON) tests/minimal_install.sh

docs: $(VENV)/.docs ## Build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html"

clean: ## Remove caches and build products
	@rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist site demo-index
	@find hippo pipelines tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environment as well
	@if [ -f "$(VENV)/pyvenv.cfg" ]; then rm -rf "$(VENV)"; fi

# dev brings all that demo needs, so that `make test demo` installs once.
$(VENV)/.dev: $(PINS) | $(BIN)/pip
	$(call install,dev,$(VENV)/.dev $(VENV)/.demo)

$(VENV)/.demo: $(PINS) | $(BIN)/pip
	$(call install,$(DEMO_EXTRAS),$(VENV)/.demo)

$(VENV)/.docs: $(PINS) | $(BIN)/pip
	$(call install,docs,$(VENV)/.docs)

# venv writes pip last, so a half-made environment is made again.
$(BIN)/pip:
	@command -v "$(PYTHON)" > /dev/null \
		|| { echo "There is no $(PYTHON). Name an interpreter: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "hippo needs Python 3.11 or newer," \
		"and $(PYTHON) is $$("$(PYTHON)" --version 2>&1). Name another: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "==> Making $(VENV) with $$("$(PYTHON)" --version 2>&1)"
	@"$(PYTHON)" -m venv "$(VENV)"
