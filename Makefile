.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The first interpreter of a supported version; override with `make PYTHON=... VERB`.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --no-header --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --extra postgres

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.pip:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade pip
	@touch $@

$(VENV)/.run: requirements.lock | $(VENV)/.pip
	@echo "Installing what the service needs ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/.pip
	@echo "Installing what the service and its tests need ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.run

setup: $(VENV)/.dev  ## Make the virtual environment from the lock

run: $(VENV)/.run  ## Start everything with sample documents; print URLs and the key
	@$(BIN)/python run.py

serve: $(VENV)/.run  ## Start the service alone
	@$(BIN)/gunicorn -c gunicorn.conf.py wsgi:app

ui: $(VENV)/.run  ## Start the web chat alone
	@$(BIN)/python streamlit.py

work: $(VENV)/.run  ## Start a worker for document jobs (needs REDIS_URL and QDRANT_URL)
	@$(BIN)/python -m knowledge work

key: $(VENV)/.run  ## Print a new key and its digest: make key TENANT=name
	@$(BIN)/python -m auth "$(or $(TENANT),default)"

migrate: $(VENV)/.run  ## Bring the database up to date
	@$(BIN)/python -m stores.migrations

doctor: $(VENV)/.run  ## Check this deployment
	@$(BIN)/python -m validate

system: setup  ## Find or install (as root) the programs that tests use
	@$(SHELL) deploy/system_packages.sh

test: setup system  ## Every test
	@$(BIN)/python -m pytest

check: lint types deploy-check  ## Everything that needs no running service

lint: setup  ## Style and import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python docs/make_tour.py --check || { echo "docs/tour.md is out of date: make tour"; exit 1; }

types: setup  ## mypy --strict
	@$(BIN)/mypy .

# What the Prometheus operator reads has a schema of its own.
MANIFESTS = $(filter-out %/kustomization.yaml %/service-monitor.yaml, \
	$(wildcard deploy/kubernetes/*.yaml deploy/kubernetes/*/*.yaml))

deploy-check: setup  ## Dockerfile, compose file, Kubernetes manifests
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/yamllint --strict docker-compose.yml deploy
	@$(BIN)/kubernetes-validate --strict --quiet -k 1.30 $(MANIFESTS)
	@$(BIN)/kubernetes-validate --strict --quiet $(MANIFESTS)

load: setup system  ## Fault campaigns, apart from the tests
	@$(BIN)/python -m tests.load.kills --kills $(or $(KILLS),200) --redis server
	@$(BIN)/python -m tests.load.kills --kills $(or $(KILLS),200) --redis embedded
	@$(BIN)/python -m tests.load.restarts --restarts $(or $(RESTARTS),20)
	@$(BIN)/python -m tests.load.streams --streams $(or $(STREAMS),500)
	@$(BIN)/python -m tests.load.laws
	@$(BIN)/python -m tests.load.topologies

eval: setup  ## Answer quality over HTTP: make eval ARGS="--sample 50"
	@$(BIN)/python -m bench.eval $(ARGS)

eval-voice: setup system  ## Words heard, time by stage, emotions read
	@$(BIN)/python -m bench.voice
	@$(BIN)/python -m bench.audio
	@$(BIN)/python -m bench.emotion

bench: setup  ## Speed against references, in one run
	@$(BIN)/python -m bench

tour: setup  ## Write docs/tour.md anew
	@$(BIN)/python docs/make_tour.py

lock: setup  ## Resolve the dependencies anew
	@$(PIP) install uv
	@$(LOCK) -o requirements.lock
	@$(LOCK) --group dev -c requirements.lock -o requirements-dev.lock

clean:  ## Remove the virtual environment and caches; data stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.PHONY: help setup run serve ui work key migrate doctor system test check lint types deploy-check load eval eval-voice bench tour lock clean
