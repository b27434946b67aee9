# Everything here needs git, make and Python 3.11 or newer; the rest goes into .venv.

PORT ?= 8010
ONCE ?=
WHAT ?= in_process end_to_end deferred growth fleet
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# The first interpreter that is new enough and can make virtual environments.
SUITS := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
FIND_PYTHON := for name in "$${PYTHON:-python3}" python3 python3.13 python3.12 python3.11; do \
	if "$$name" -c '$(SUITS)' >/dev/null 2>&1; then echo "$$name"; break; fi; done

.DEFAULT_GOAL := help
.PHONY: help demo docs test nemesis bench lint audit format clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1: /p' Makefile

demo: $(STAMP) ## run the example project and a simulated gateway (PORT=8010, ONCE=1 to end by itself)
	$(BIN)/python example_project/demo.py --port $(PORT) $(if $(filter-out 0,$(ONCE)),--once)

docs: $(STAMP) ## build the site of docs/ into build/site
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky -q -b html docs build/site

test: $(STAMP) ## run the whole suite: every interpreter and database that is here
	$(BIN)/python tests/matrix.py all

nemesis: $(STAMP) ## kill workers and databases of its own while banks are returned, for about ten minutes
	$(BIN)/python -m tests.nemesis $(NEMESIS)

bench: $(STAMP) ## measure on PostgreSQL, one thing after the other (WHAT="growth fleet", BENCH=--write for the page)
	set -e; for what in $(WHAT); do $(BIN)/python -m benchmarks.$$what $(BENCH); done

lint: $(STAMP) ## check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

audit: $(STAMP) ## search our code for weaknesses, and ask for advisories on what we install (network)
	$(BIN)/tox run -e audit,advisories

format: $(STAMP) ## put imports and format right
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove what was made
	rm -rf $(VENV) .demo .tox .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist htmlcov .coverage .coverage.*

$(STAMP): pyproject.toml Makefile
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ]; then \
		echo "make: no Python 3.11 or newer with venv and ensurepip on PATH; install one (Debian: apt install python3-venv) or set PYTHON=" >&2; \
		exit 1; \
	fi; \
	set -e; \
	echo "Making $(VENV) with $$("$$python" --version) ..."; \
	"$$python" -m venv --clear $(VENV); \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@
