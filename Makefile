# Everything a contributor types. Needs python3 (3.11 or newer, with venv) and make, nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py

.PHONY: run test differential bench lint docs dist clean soak

run: $(VENV)/.run
	$(BIN)/twistd -n --pidfile= ec2proxy

# The e2e tests start daemons of their own; coverage follows them there.
test: $(VENV)/.test $(VENV)/.javascript
	$(BIN)/coverage erase
	$(BIN)/coverage run -m twisted.trial --temp-directory=_trial_temp $(or $(TESTS),tests)
	$(BIN)/coverage combine --quiet
	$(if $(TESTS),,$(BIN)/coverage report)

# The same calls to moto and to us; WRITE=1 brings the table in docs/compatibility.rst up to date.
differential: $(VENV)/.differential
	$(BIN)/python -m tests.differential $(if $(WRITE),--write)

# Needs wrk and nginx and two cores, and says so. Without SCENARIOS it writes docs/performance.rst.
bench: $(VENV)/.bench
	$(BIN)/python -m bench $(SCENARIOS)

# Real clients and real faults for so many minutes; then the cloud is held to what was answered.
soak: $(VENV)/.test
	$(BIN)/python -m tests.soak --minutes=$(or $(MINUTES),5)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.docs
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# What is built is installed into a venv of its own, and has to show the plugin there.
dist: $(VENV)/.lint
	rm -rf build dist *.egg-info
	$(BIN)/python -m build --outdir dist .
	rm -rf build/wheel-venv
	$(PYTHON) -m venv build/wheel-venv
	build/wheel-venv/bin/pip install -q "$$(echo dist/*.whl)[metrics,postgresql]"
	build/wheel-venv/bin/pip check
	cd build && wheel-venv/bin/twistd --help | grep -E '^ +(ec2proxy|deltacloud-mock) '
	cd build && wheel-venv/bin/twistd ec2proxy --help >/dev/null
	cd build && wheel-venv/bin/twistd ec2proxy --check
	build/wheel-venv/bin/ec2proxy-keys --help >/dev/null
	test -f build/wheel-venv/share/doc/ec2proxy/ec2proxy.service
	$(BIN)/twistd --help | grep -E '^ +(ec2proxy|deltacloud-mock) '

clean:
	rm -rf $(VENV) build dist *.egg-info _trial_temp* .coverage* docs/_build .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(BIN)/python $(SOURCES)
	$(BIN)/pip install -q -e .
	touch $@

$(VENV)/.test $(VENV)/.differential $(VENV)/.bench $(VENV)/.lint $(VENV)/.docs: $(VENV)/.%: $(BIN)/python $(SOURCES)
	$(BIN)/pip install -q -e '.[$*]'
	touch $@

# A client that the e2e tests run; without npm, they skip it.
JAVASCRIPT := tests/e2e/javascript/package.json tests/e2e/javascript/package-lock.json
$(VENV)/.javascript: $(BIN)/python $(JAVASCRIPT)
	@if command -v npm >/dev/null; then \
		set -ex; mkdir -p $(VENV)/javascript; cp $(JAVASCRIPT) $(VENV)/javascript; \
		npm ci --prefix $(VENV)/javascript --silent --ignore-scripts --no-audit --no-fund; \
		touch $@; \
	else echo "no npm: the tests do without JavaScript's SDK"; fi
