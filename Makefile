# Each line is a command a person could type. On Windows, type them by hand with .venv\Scripts\python.
PRESET ?= embedded
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready

.PHONY: book pdf links test mutants bench records locked clean

book: $(READY)
	$(RUN) book/build.py --preset $(PRESET)

pdf: $(READY)
	$(RUN) book/build.py --preset $(PRESET) --pdf

links: $(READY)
	$(RUN) book/build.py --preset $(PRESET) --links

test: $(READY)
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m codespell_lib
	$(RUN) -m mypy
	$(RUN) -m pytest -n 3 --dist loadfile --no-loadscope-reorder --cov fitnets_lib --cov-fail-under 95

# Changes one thing at a time in the modules that verdicts rest on, and asks whether a test notices: a quarter of an hour.
mutants: $(READY)
	$(RUN) tests/mutants.py

bench: $(READY)
	$(RUN) benchmarks/bench.py

# Runs on real data, in any number of sittings; FITNETS_DATA names the folder with the data.
records: $(READY)
	$(RUN) -m fitnets_lib records make

# By uv, in a fraction of pip's time; by pip where uv fails.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit('Python 3.10 or newer is needed, this is ' + sys.version.split()[0] if sys.version_info < (3, 10) else 0)"
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --constraint constraints.txt uv && $(RUN) -m uv pip install --quiet --compile-bytecode --python $(RUN) --constraint constraints.txt --editable '.[book,dev]' || $(RUN) -m pip install --quiet --constraint constraints.txt --editable '.[book,dev]'
	touch $(READY)

# The same environment with every file compared with its locked hash before it is unpacked. Then `make book` as ever.
locked:
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(RUN) -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

clean:
	rm -rf _build runs
