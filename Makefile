# Everything a newcomer needs: `make run` serves the shop, `make test` proves it.
PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin
FOREIGN := tests/gateway/foreign/provider

.PHONY: run test check bench contracts proto lock clean

run: .venv/run  ## serve the whole shop on http://127.0.0.1:$(PORT)
	@exec $(BIN)/front up --port $(PORT)

test: .venv/dev .venv/foreign  ## the whole suite
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

check: .venv/dev  ## style, types, import rules, the route table
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/front check

bench: .venv/run .bench/installed  ## measure beside others, within 20 minutes; QUICK=1 for a look within 3
	$(BIN)/python -m bench $(if $(QUICK),--quick,--write)

contracts: .venv/dev  ## write contracts/ anew from what the clients' tests expect
	CONTRACTS=write $(BIN)/python -m pytest tests/contracts/web tests/contracts/mobile

proto: .venv/dev  ## generate the gRPC code of kit/pb/*.proto anew
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. kit/pb/*.proto

lock:  ## pin requirements/*.txt anew (needs uv)
	for set in build run dev bench; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header requirements/$$set.in --output-file requirements/$$set.txt; done

clean:  ## remove the environment and the shop's data
	rm -rf .venv .data .bench $(FOREIGN)/node_modules

.venv/run: requirements/build.txt requirements/run.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Frontispiece needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/run.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv/dev: .venv/run requirements/dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

# The identity provider that is not ours, for the tests that need one; without npm they are skipped.
.venv/foreign: $(FOREIGN)/package-lock.json | .venv/run
	if command -v npm >/dev/null; then npm ci --prefix $(FOREIGN) --ignore-scripts --no-audit --no-fund && touch $@; fi

.bench/installed: requirements/bench.txt
	test -x .bench/venv/bin/python || $(PYTHON) -m venv .bench/venv
	.bench/venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements/bench.txt
	touch $@
