# Two commands matter: `make run` and `make test`. Everything else serves them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: lock
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras \
	  --no-emit-package django --no-emit-package asgiref --no-emit-package sqlparse \
	  --custom-compile-command "make lock" -o requirements.lock pyproject.toml
