PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-duckdb-1.5

.PHONY: demo test check test-duckdb-1.5 install

demo: install
	$(BIN)/curator demo

test: install
	$(BIN)/python -m pytest -n auto --dist loadfile

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy catalog infer trainer curator
	$(BIN)/lint-imports

# The catalogue on the older of the two DuckDB lines, in an environment of its own that needs no torch.
test-duckdb-1.5: $(OLDEST)/installed
	$(OLDEST)/bin/python -m pytest tests/catalog

$(OLDEST)/installed: pyproject.toml
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet duckdb==1.5.6 pyarrow numpy soundfile soxr av platformdirs "pytest>=8.4,<9" pytest-asyncio
	touch $@

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c "import sys; sys.exit('curator needs Python 3.11 or newer; run: make PYTHON=python3.11 ' if sys.version_info < (3, 11) else 0)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[demo,f0,praat]" --group dev
	touch $@
