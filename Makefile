# run: a cluster on this machine with a sample in it. test: every test. Both install what is missing first.
.PHONY: run test lint bench clean

run:
	@packaging/install
	@packaging/run

test:
	@packaging/install dev
	@.venv/bin/python -m pytest

lint:
	@packaging/install dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench:
	@packaging/install dev
	@bench/run

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
