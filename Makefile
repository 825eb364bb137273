# Two commands: `make demo` shows the product at work, `make test` proves it. Both make their own environment.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
# What the tests fetch and do not install: see .ci/axe.
export BROKENSEAL_TEST_TOOLS ?= $(abspath $(VENV))/test-tools

.PHONY: demo test check lock clean

$(VENV)/.ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || sh .ci/system-packages
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: $(VENV)/.ready
	rm -rf $(DEMO)
	$(BIN)/brokenseal simulate $(DEMO) --scenario hafnium
	$(BIN)/brokenseal scan $(DEMO)/evidence

test: $(VENV)/.ready check
	sh .ci/browser
	sh .ci/axe $(BIN)/python
	sh .ci/test-wheel $(BIN)/python

check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--group dev pyproject.toml --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) $(DEMO) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
