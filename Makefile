# Everything lives in .venv; nothing is installed outside this folder but the face models,
# which go into the user's data folder (or FERDESK_MODELS).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run setup test check gpu app texts format clean

run: $(VENV)/base.stamp
	$(BIN)/ferdesk models install --missing
	$(BIN)/ferdesk

setup: $(VENV)/all.stamp
	$(BIN)/ferdesk models install --missing

test: setup
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/all.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# On a machine with an NVIDIA GPU: docs/engines.md.
gpu: $(VENV)/gpu.stamp
	$(BIN)/python benchmarks/gpu_check.py

# dist/ferdesk/, which needs no Python: docs/packaging.md.
app: $(VENV)/app.stamp
	$(BIN)/python -m PyInstaller build.spec --noconfirm --log-level WARN
	$(BIN)/python packaging/try_app.py dist/ferdesk

# What translators begin with: docs/translating.md.
texts: $(VENV)/all.stamp
	$(BIN)/python packaging/template.py

format: $(VENV)/all.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "ferdesk needs Python 3.11 or newer; name one with: make run PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python's venv module is missing. On Debian: sudo apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/base.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	touch $@

$(VENV)/app.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[app,lsl,report]'
	touch $@ $(VENV)/base.stamp

$(VENV)/gpu.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[train,ort,tensorrt,dev]'
	touch $@ $(VENV)/base.stamp

$(VENV)/all.stamp: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[train,ort,cluster,lsl,vcam,table,report,app,dev]'
	touch $@ $(VENV)/base.stamp
