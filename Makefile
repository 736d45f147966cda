# Filled in by slice 1; for now what development needs.
PYTHON ?= python3
VENV = .venv

$(VENV)/bin/loa:
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q -e '.[server,receiver,dev]'

setup: $(VENV)/bin/loa native

native:
	$(VENV)/bin/python setup.py -q build_ext --build-lib build/lib --build-temp build/tmp
	mv build/lib/loa/native/_loa.abi3.so native/_loa.abi3.so.new && mv native/_loa.abi3.so.new native/_loa.abi3.so

.PHONY: setup native
