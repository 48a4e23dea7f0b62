# Everything a newcomer needs; each target says what it does.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help run test chaos check format bench clean

help:            ## list the targets
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "Sentinel needs Python 3.11 to 3.13; name one with: make PYTHON=python3.12 …"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

run: $(READY)    ## simulate a hotline, replay it, and say which planted incidents were found
	$(BIN)/sentinel demo --out out/run

test: $(READY)   ## the whole test suite
	$(BIN)/python -m pytest

chaos: $(READY)  ## the long form of the chaos tests: whatever is killed, the alerts stay the same
	$(BIN)/python -m pytest -m chaos

check: $(READY)  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)  ## every benchmark, its table and its JSON in benchmarks/results
	@for b in $(basename $(notdir $(wildcard benchmarks/[a-z]*.py))); do echo "== $$b"; $(BIN)/python -m benchmarks.$$b || exit 1; done

clean:           ## remove the virtual environment and all output
	rm -rf $(VENV) out benchmarks/results
