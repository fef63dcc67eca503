# make demo and make test do all their set-up by themselves, on a fresh Debian 12 or Raspberry Pi OS too.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# setuptools greets every editable install with a page of warnings that concern nobody here.
PIP := PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check
SOURCES := pyproject.toml setup.py $(wildcard cython_ext/*)

.PHONY: help demo test check bench install test-picamera2 test-arm64 test-old-runtime test-install sanitize clean
help: ## what can be made
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: $(VENV)/.demo ## watch people become skeletons: no camera, no broker, no configuration needed
	$(BIN)/edgepose demo

test: $(VENV)/.test ## the whole test suite, with a real broker
	$(BIN)/python -m pytest

check: $(VENV)/.check ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test ## each stage and the whole pipeline, timed side by side
	$(BIN)/edgepose bench

install: ## the service, on this machine
	sudo systemd/install.sh

test-picamera2: ## the camera module adapter on the real picamera2 and libcamera's virtual camera
	tests/device/picamera2.sh

test-arm64: $(VENV)/.test ## wheel, kernel, networks, tracking and messages on arm64 and armv7, emulated
	tests/device/arm64.sh $(BIN)/python

test-old-runtime: $(VENV)/.test ## networks and delegates under tflite-runtime with numpy 1
	tests/device/old_runtime.sh $(BIN)/python

test-install: $(VENV)/.test ## the installer on fresh systems of Debian 12 and 13, really booted
	tests/device/install.sh $(BIN)/python

sanitize: $(VENV)/.test ## the tests of cython_ext with bounds checks and under sanitizers
	tests/sanitize.sh $(BIN)/python

clean: ## forget builds and the virtual environment
	rm -rf $(VENV) build dist *.egg-info edgepose/*.so

# picamera2 comes from apt, so where it is installed the virtual environment looks at the system's packages.
$(VENV)/bin/python:
	./debian-packages.sh demo $(PYTHON)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "edgepose needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try make PYTHON=python3.11 …" >&2; exit 1; }
	$(PYTHON) -m venv $$($(PYTHON) -c 'import picamera2' 2>/dev/null && echo --system-site-packages) $(VENV)
	$(PIP) --upgrade pip

$(VENV)/.demo: $(SOURCES) | $(VENV)/bin/python
	$(PIP) --editable '.[demo]'
	@touch $@

$(VENV)/.test: debian-packages.sh $(SOURCES) | $(VENV)/bin/python
	./debian-packages.sh test $(PYTHON)
	$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/.demo

$(VENV)/.check: pyproject.toml | $(VENV)/.test
	$(PIP) --editable '.[dev]'
	@touch $@
