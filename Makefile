# The gate is `make check`; CI runs the same line and nothing else.

.PHONY: check venv lint types test fmt bench clean packages
.DELETE_ON_ERROR:

# What would make Python or pip here differ from Python elsewhere.
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONOPTIMIZE PYTHONPATH PYTHONSAFEPATH PYTHONWARNINGS
unexport PIP_PREFIX PIP_TARGET PIP_USER

bin := .venv/bin

check: lint # the others side by side: mypy keeps one core busy, where it has to look at all
	@$(MAKE) --no-print-directory --jobs=2 types test

lint: venv
	$(bin)/ruff format --check .
	$(bin)/ruff check .

types: venv
	$(bin)/mypy

test: venv
	$(bin)/python -m pytest

venv: .venv/installed

fmt: venv
	$(bin)/ruff format .
	$(bin)/ruff check --fix .

bench: venv
	$(bin)/python benchmarks/run.py

clean: # not runtime/ and db/: processes may live there
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	find . -name .git -prune -o -name __pycache__ -prune -exec rm -rf {} +

packages:
	@.ci/packages

.venv/bin/python: | packages
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "tsm needs Python 3.11 or newer; this python3 is " + sys.version.split()[0])'
	python3 -m venv --clear .venv

.venv/installed: pyproject.toml hatch_build.py .venv/bin/python | packages
	$(bin)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
