# Each target does its own set-up; `make audit` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV ?= .venv
BENCH ?= .venv-bench
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: audit test check bench clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(BIN)/python setup.cfg pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) -e ".[dev]"
	@touch $@

# The packages measured against ask for older versions than the tested set, so they live apart.
$(BENCH)/.bench: setup.cfg
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	@touch $@

# The main job on an embedded default: synthetic data with planted bias. A gate that stays open or
# fails is a finding, not an error of this command; 2 is one.
audit: $(VENV)/.base
	@rm -rf runs/synthetic-lending
	@$(BIN)/fairweigh audit examples/synthetic.yaml -o runs/synthetic-lending; \
	code=$$?; if [ $$code -eq 2 ]; then exit 2; fi; \
	$(BIN)/fairweigh verify runs/synthetic-lending

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@mkdir -p .typecheck && ln -sfn .. .typecheck/fairweigh
	MYPYPATH=.typecheck $(BIN)/mypy -p fairweigh.metrics -p fairweigh.datasets -p fairweigh.models -p fairweigh.compression \
		-p fairweigh.audit -p fairweigh.reports -m fairweigh -m fairweigh.cli -m fairweigh.api -m fairweigh.progress

test: check
	@command -v chromium >/dev/null || sh tests/install_chromium.sh
	$(BIN)/pytest -n 2

bench: $(BENCH)/.bench
	$(BENCH)/bin/python benchmarks/start.py
	$(BENCH)/bin/python benchmarks/counts.py
	$(BENCH)/bin/python benchmarks/figures.py
	$(BENCH)/bin/python benchmarks/process.py
	$(BENCH)/bin/python benchmarks/coverage.py

clean:
	rm -rf $(VENV) $(BENCH) build dist *.egg-info .typecheck .mypy_cache .ruff_cache .pytest_cache runs
