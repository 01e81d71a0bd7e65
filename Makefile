# Two commands on a fresh machine with Python 3.11: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test check format wheel clean

demo: .venv/demo
	$(BIN)/luthier tune digits --budget 1min

test: .venv/dev
	bash tests/run.sh

check: .venv/dev
	bash tests/check.sh

format: .venv/dev
	$(BIN)/ruff format src tests benchmarks examples
	$(BIN)/ruff check --fix src tests benchmarks examples

.venv/pip:
	$(PYTHON) -m venv .venv
	touch $@

.venv/demo: .venv/pip pyproject.toml constraints.txt
	$(PIP) -e ".[torch]"
	touch $@

.venv/dev: .venv/pip pyproject.toml constraints.txt
	$(PIP) -e ".[torch,jax,dev]"
	touch $@

clean:
	rm -rf .venv build dist
