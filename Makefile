# Everything that is done with this checkout. Needs python3 (3.11 or newer), and no more than that.

UV_VERSION := 0.13.8
COLLECTIONS ?= ../shared/data
PYTEST_ARGS ?=
PROCESSES ?= 2
CYCLES ?= 100
AWAY ?= 60
ARGS ?=

# The uv on PATH if it runs, else one of this checkout's own.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv)
ifeq ($(UV),)
UV := $(CURDIR)/.uv/bin/uv
endif
RUN := $(UV) run --no-sync

# Trust whom this machine trusts, where it keeps a list: some networks have a certificate of their own.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= 1
endif

# Where a shell says this, Python would compile every module anew at each start: 2.5 s more.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test torture check bench environment development chromium node

help:
	@echo "make run     set everything up and serve on http://127.0.0.1:8000"
	@echo "make test    set up what the tests need, and run them on a real TiDB; PYTEST_ARGS='-k search'"
	@echo "             PROCESSES=2: how many share them; 0 runs all in one, which a debugger needs"
	@echo "make torture CYCLES=100: kill workers, serve and TiDB under load, half of them while they publish,"
	@echo "             and look whether anything is lost or double; it tells what the kills met;"
	@echo "             AWAY=60: take TiDB away for so many seconds"
	@echo "make check   lint, formatting, types, which room may import which, known vulnerabilities"
	@echo "make bench   measure; COLLECTIONS=$(COLLECTIONS) is where the collections are, ARGS go on"

run: environment
	@$(RUN) tidemark serve

# While one test waits for TiDB or a page, another has the processor. A file's tests stay together,
# for they share its database; files come in their order, which has the short ones last.
test: development chromium node
	@echo "Running the tests; the first time, TiDB is found or built before they begin."
	@$(RUN) pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

torture: development
	@TORTURE_CYCLES=$(CYCLES) $(RUN) pytest tests/integration -k killed_at_any_moment
	@TIDB_AWAY_SECONDS=$(AWAY) $(RUN) pytest tests/integration/test_tidb_away.py

check: development
	@echo "Lint:"
	@$(RUN) ruff check
	@echo "Formatting:"
	@$(RUN) ruff format --check
	@echo "Types:"
	@$(RUN) mypy
	@echo "Imports:"
	@$(RUN) lint-imports
	@echo "Known vulnerabilities of the dependencies:"
	@UV="$(UV)" .ci/audit

bench: development
	@$(RUN) python -m benchmarks --collections "$(COLLECTIONS)" $(ARGS)

# What a run needs. Inexact, so that it does not take the tests' packages away.
environment: $(UV)
	@echo "Setting up the environment that uv.lock describes, in .venv."
	@$(UV) sync --locked --no-dev --inexact

development: $(UV)
	@echo "Setting up the environment that uv.lock describes, in .venv, for development too."
	@$(UV) sync --locked

# Browser tests look for one of these names on PATH, then for playwright's own.
chromium: development
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then \
		exit 0; \
	fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "No Chromium here: installing it with apt-get, for the browser tests."; \
		if apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium; then exit 0; fi; \
	fi; \
	echo "Looking for the Chromium that playwright brings, and fetching it if it is not here."; \
	if $(RUN) playwright install chromium; then exit 0; fi; \
	echo "The browser tests need a Chromium, and none could be installed."; \
	echo "Install the package chromium or google-chrome of your system, and try again."; \
	exit 1

# Tests run OpenAI's and Vercel's clients for Node against /v1, as tests/node/package-lock.json has
# them. Where there is no Node, the one that comes as a wheel is put into .venv.
node: development
	@if ! $(RUN) node --version 2>/dev/null | grep -Eq '^v(1[89]|[2-9][0-9])' \
		|| ! $(RUN) npm --version >/dev/null 2>&1; then \
		echo "No Node.js 18 or newer here: putting one into .venv, for the tests of Node clients."; \
		$(UV) sync --locked --group node || { \
			echo "Install Node.js with npm from https://nodejs.org, and try again."; exit 1; }; \
	fi
	@cd tests/node && if ! cmp -s package-lock.json node_modules/.locked; then \
		echo "Setting up the Node clients that tests/node/package-lock.json describes."; \
		$(RUN) npm ci --no-audit --no-fund --loglevel=error \
			&& cp package-lock.json node_modules/.locked; \
	fi

$(CURDIR)/.uv/bin/uv:
	@echo "No uv on PATH: putting uv $(UV_VERSION) into .uv, in this folder."
	@command -v python3 >/dev/null || { \
		echo "There is no python3 either. Install Python 3.11 or newer, and try again."; exit 1; }
	@rm -rf .uv; \
	if python3 -m venv .uv >/dev/null 2>&1 \
		&& .uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	then exit 0; fi; \
	rm -rf .uv; \
	if python3 -m pip install --quiet --disable-pip-version-check --target .uv uv==$(UV_VERSION); \
	then exit 0; fi; \
	rm -rf .uv; \
	echo "uv could not be installed: python3 needs its venv module or pip, and the network."; \
	echo "Install them (on Debian: apt-get install python3-venv), or uv itself, and try again."; \
	exit 1

# A uv on PATH is nothing to be made.
ifneq ($(UV),$(CURDIR)/.uv/bin/uv)
$(UV): ;
endif
