# Every target makes its own environment: a fresh machine needs python3 and make only.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
PIP_FLAGS := --quiet --disable-pip-version-check

.PHONY: demo test test-slow test-oldest test-sdist lint docs clean

demo: $(VENV)/installed  ## compare with PCA on the bundled digits, into report/
	$(BIN)/python -m sklearn_ae compare --data digits --n-components 2 8 32 --folds 2 --out report

test: $(VENV)/installed  ## run the test suite
	$(BIN)/python -m pytest -n auto

test-slow: $(VENV)/installed  ## run the tests that take minutes: stress and fuzz
	$(BIN)/python -m pytest -n auto -m slow

lint: $(VENV)/installed  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy sklearn_ae

docs: $(VENV)/installed  ## build the documentation
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	$(BIN)/python docs/check_site.py docs/_build/html

test-oldest: $(OLDEST)/installed  ## run the suite on the oldest supported versions
	$(OLDEST)/bin/python -m pytest -n auto

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e ".[all]"
	touch $@

$(OLDEST)/installed: pyproject.toml constraints.txt constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install $(PIP_FLAGS) -c constraints-oldest.txt -e ".[test]"
	touch $@

test-sdist: $(VENV)/installed  ## run the suite from the source distribution, elsewhere
	rm -rf dist && $(BIN)/python -m build --quiet --sdist --outdir dist
	mkdir dist/unpacked && tar -xzf dist/*.tar.gz -C dist/unpacked --strip-components 1
	$(MAKE) -C dist/unpacked test

clean:
	rm -rf $(VENV) $(OLDEST) dist report docs/_build docs/gallery docs/generated docs/sg_execution_times.rst
