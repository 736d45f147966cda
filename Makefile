# Loa. `make help` says what there is; the two that matter are `make run` and `make test`.
#
# Set-up speaks on standard error, so that `make run ARGS=--json` prints one line on standard output.

PYTHON ?= python3
ARGS ?=
# Tests wait for real time more than they compute: three at a time keep two cores busy.
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
SET_UP := $(VENV)/.set-up
EXTENSION := native/_loa.abi3.so
PAGES := streamer/web
SITE := $(PAGES)/dist/index.html
# The pages are written against the API, so its models count among their sources.
PAGES_FROM := $(PAGES)/index.html $(PAGES)/package-lock.json $(wildcard $(PAGES)/*.ts $(PAGES)/*.js $(PAGES)/*.json) \
	$(shell find $(PAGES)/src $(PAGES)/public -type f ! -name schema.d.ts) $(wildcard streamer/http/api/*.py)
NATIVE := native/build.py $(wildcard native/src/audio/*.[ch] native/src/engine/*.[ch])

# An environment holds absolute paths: one that was made elsewhere is made again.
ifneq ($(shell cat $(SET_UP) 2>/dev/null),$(CURDIR))
$(SET_UP): again
endif

# A program starts half a second sooner where Python keeps what it has compiled.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: again help setup native web web-check web-test journeys run test check postgresql bench lint types format ctest sanitize aarch64 fuzz clean \
	packages-run packages-test packages-check

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 18

# --- setting up

packages-run packages-test packages-check: packages-%:
	@PYTHON='$(PYTHON)' deploy/system-packages $* >&2

$(SET_UP): pyproject.toml setup.py | packages-run
	@echo 'loa: setting up the Python environment in $(VENV)' >&2
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV) >&2
	@{ $(BIN)/pip install -q --disable-pip-version-check 'setuptools>=77' 'cffi>=1.17' \
	    && $(BIN)/pip install -q --disable-pip-version-check --no-build-isolation \
	        -e '.[server,receiver,dev]'; } >&2 \
	    || { echo 'loa: pip could not install what is needed. Is there a network, or a package' \
	        'index that pip is told of (PIP_INDEX_URL, /etc/pip.conf)?' >&2; exit 1; }
	@printf '%s' '$(CURDIR)' > $@

# Running processes map the library: it is replaced whole, never written into.
$(EXTENSION): $(NATIVE) | $(SET_UP)
	@echo 'loa: compiling the C core' >&2
	@$(BIN)/python setup.py -q build_ext --build-lib build/lib --build-temp build/tmp >&2
	@mv build/lib/loa/native/_loa.abi3.so $@.new && touch $@.new && mv $@.new $@

# Which node: the machine's, or one from a Python package in the environment.
$(PAGES)/node_modules: $(PAGES)/package-lock.json | $(SET_UP)
	@echo 'loa: fetching what the pages are built with' >&2
	@PATH="$$(deploy/node $(VENV)):$$PATH" npm --prefix $(PAGES) ci --silent >&2
	@touch $@

$(SITE): $(PAGES_FROM) | $(SET_UP) $(EXTENSION) $(PAGES)/node_modules
	@echo 'loa: building the pages' >&2
	@mkdir -p build && $(BIN)/python -m loa.streamer.http.api > build/openapi.json
	@PATH="$$(deploy/node $(VENV)):$$PATH" && cd $(PAGES) && { npm run -s api && npm run -s build; } >/dev/null
	@touch $@

web: $(SITE) ## build the pages, if something of them changed

web-check: $(SITE) ## the types of the pages
	@PATH="$$(deploy/node $(VENV)):$$PATH" && cd $(PAGES) && npm run -s check

web-test: $(SITE) ## the unit tests of the pages
	@PATH="$$(deploy/node $(VENV)):$$PATH" && cd $(PAGES) && npm run -s test

native: $(EXTENSION) ## compile the C core again, if it changed

setup: packages-run $(SET_UP) $(EXTENSION) $(SITE) ## system packages, the environment in .venv, the C core, the pages

# --- the two commands

run: setup ## put a first programme on air, with an enrolled box playing it (ARGS=--json for scripts)
	@exec $(BIN)/loa demo $(ARGS)

test: setup packages-test ctest web-test ## run the tests (ARGS go to pytest)
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m 'not slow' $(ARGS)

# --- the rest

ctest: ## build and run the tests of the C core
	@$(MAKE) --no-print-directory -C native/tests test

sanitize: packages-check ## the same under the address, undefined-behaviour and thread sanitizers
	@$(MAKE) --no-print-directory -C native/tests test FLAVOUR=asan
	@$(MAKE) --no-print-directory -C native/tests test FLAVOUR=tsan

aarch64: $(SET_UP) packages-check ## the C core compiled for the boxes' processor, its tests under qemu
	@native/tests/aarch64

fuzz: packages-check ## fuzz the parsers of the C core, SECONDS each (60)
	@$(MAKE) --no-print-directory -C native/tests fuzz

# What keeps and finds things is tested on both databases.
ON_BOTH := tests/streamer/store tests/streamer/desk tests/streamer/http/api tests/streamer/keeping \
	$(foreach topic,agendas distribution health ledger orders orders_on_the_line proof proof_on_the_line \
	settings,tests/streamer/fleet/test_$(topic).py)

journeys: setup packages-test ## the longer journeys through the pages in a browser (part of check)
	$(BIN)/pytest -n 2 --dist loadfile -m slow tests/streamer/web $(ARGS)

postgresql: setup packages-check ## the store's, the desk's and the API's tests on PostgreSQL
	$(BIN)/python tests/support/postgres.py $(BIN)/pytest $(ON_BOTH) $(ARGS)

check: setup packages-test lint types web-check web-test ctest sanitize ## everything: lint, types, sanitizers, both databases, all tests, fuzzing
	$(BIN)/pytest $(ARGS)
	@$(MAKE) --no-print-directory postgresql
	@$(MAKE) --no-print-directory aarch64
	@$(MAKE) --no-print-directory fuzz

bench: setup packages-test ## measure against the budgets (QUICK=1: the latency row and the ratios)
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(ARGS)

lint: $(SET_UP) ## ruff, without changing anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The folders at the root are the package: mypy sees them under its name through links.
types: $(SET_UP) $(EXTENSION) ## mypy, strict
	@mkdir -p build/typing/loa
	@for part in native codecs streamer receivers; do \
	    ln -sfn '$(CURDIR)/'$$part build/typing/loa/$$part; done
	$(BIN)/mypy -p loa -p benchmarks

format: $(SET_UP) ## let ruff put imports and layout in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what was built (the environment stays)
	rm -rf build dist loa.egg-info $(EXTENSION) $(PAGES)/dist $(PAGES)/node_modules
