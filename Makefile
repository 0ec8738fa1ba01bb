# Everything sets itself up: Python 3.11 or newer with venv, make and git are all that must be there.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast lint golden docs picture lock bench clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

$(READY): pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(READY) ## replay the bundled bad day: its alerts, and demo-report.html
	$(BIN)/mailvigil demo

test: $(READY) ## lint, types and every test; real servers too where Maven and Java are there
	$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

test-fast: $(READY) ## every test but those that start real servers
	$(BIN)/python -m pytest --numprocesses 2 -m 'not real'

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/mypy

golden: $(READY) ## write the golden files anew; read the diff
	$(BIN)/python -m pytest tests/golden --update

docs: $(READY) ## write docs/reference anew from the catalogue, the rules, the settings and the verbs
	$(BIN)/python docs/generate.py

picture: $(READY) ## draw the README's picture anew, in Chromium of Debian's packages
	$(BIN)/python docs/picture.py

bench: $(READY) ## the flood and the road, as ratios to the floor of the same run
	$(BIN)/python -m tests.bench

lock: ## choose the newest versions again (needs uv from the environment's package index)
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --extra dev --output-file requirements.lock pyproject.toml requirements.build

clean: ## remove what the targets made
	rm -rf $(VENV) build dist .cache
