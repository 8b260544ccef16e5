# Two commands do everything: `make demo` and `make test`. Each makes the environment it needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test slow fuzz lint types docs oracles bench diagnosis verdicts clean

demo: $(VENV)/.installed
	$(BIN)/autograd-mini demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest -m "not oracle and not slow"

# What follows is for working on the project.
slow: $(VENV)/.installed
	$(BIN)/python -m pytest -m "slow and not oracle"

oracles: $(VENV)/.oracles
	$(BIN)/python -m pytest -m oracle

# Random programs against differences and PyTorch; SECONDS is for each of three modes.
SECONDS ?= 60
fuzz: $(VENV)/.oracles
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .

# On the built wheel: an editable install hides from mypy that nn/ is autograd_mini.nn.
types: $(VENV)/.lint
	rm -rf build $(VENV)/typed && $(BIN)/pip install --quiet --no-deps --target $(VENV)/typed .
	rm -rf build && cd $(VENV)/typed && MYPYPATH=. $(abspath $(BIN))/mypy --config-file $(abspath pyproject.toml) -p autograd_mini
	cp tests/typed_sample.py $(VENV)/typed && cd $(VENV)/typed && MYPYPATH=. $(abspath $(BIN))/mypy --config-file $(abspath pyproject.toml) typed_sample.py
	cd $(VENV)/typed && echo '{"typeCheckingMode": "strict", "reportUnnecessaryTypeIgnoreComment": true, "include": ["typed_sample.py"]}' > pyrightconfig.json && $(abspath $(BIN))/basedpyright --pythonpath $(abspath $(BIN))/python

# All pages, the lessons (which are run) and the reference, to be opened and searched offline: docs/_build/html/index.html.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -n -q -b html docs docs/_build/html
	@echo "built docs/_build/html/index.html"

# Rewrites docs/performance.md; `python -m benchmarks NAME …` only prints some of the tables.
bench: $(VENV)/.peers
	$(BIN)/python -m benchmarks

# How often the verifier names the mistake; and its verdicts beside those of other checkers.
diagnosis: $(VENV)/.installed
	$(BIN)/python benchmarks/diagnosis.py

verdicts: $(VENV)/.oracles
	$(BIN)/python benchmarks/verdicts.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/.lint: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[lint]'
	touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[docs]'
	touch $@

$(VENV)/.oracles: $(VENV)/.installed
	$(BIN)/pip install --quiet 'torch==2.13.0'
	$(BIN)/pip install --quiet --editable '.[oracles]'
	touch $@

$(VENV)/.peers: $(VENV)/.oracles
	$(BIN)/pip install --quiet --editable '.[peers]'
	$(BIN)/pip install --quiet ./core || echo "the tables have no rows of the compiled core: that needs a C compiler"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info docs/_build docs/reference demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis
