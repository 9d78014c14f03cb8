# Everything a newcomer needs: `make run` serves the shop, `make test` tests it.
PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
FOREIGN := tests/frontispiece/gateway/auth/foreign/provider
TSC := clients/node_modules/.bin/tsc

# A run starts many Python programs: each compiles every module anew where bytecode is not written.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run dev test test-failed fuzz fuzz-api faults moves scaling check check-types check-rest bench bench-check budgets contracts docs migration proto lock clean

run: .venv/run  ## serve the whole shop on http://127.0.0.1:$(PORT)
	@exec $(BIN)/front up --port $(PORT)

dev: .venv/run  ## the same, and serve code as it is saved
	@exec $(BIN)/front dev --port $(PORT)

test: .venv/dev .venv/foreign .venv/clients  ## the whole suite
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

test-failed: .venv/dev .venv/foreign .venv/clients  ## what failed in the last run, once more, one test at a time
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none || test $$? = 5  # pytest's: there was none

fuzz: .venv/dev  ## random requests, cut anywhere, to the server, for minutes
	FUZZ_EXAMPLES=$(or $(EXAMPLES),20000) $(BIN)/python -m pytest tests/frontispiece/server/test_fuzz.py --timeout 0

fuzz-api: .venv/dev  ## put EXAMPLES requests to each operation of each app, as its OpenAPI document describes and breaks
	FUZZ_API_EXAMPLES=$(or $(EXAMPLES),500) $(BIN)/python -m pytest tests/contracts/test_schemathesis.py --numprocesses auto --dist load --timeout 0

scaling: .venv/dev  ## start, stop and kill instances of a service that is called, and take the registry away: AWAY=
	$(BIN)/python -m tests.faults.scaling --away $(or $(AWAY),60)
	$(BIN)/python -m tests.faults.scaling --away $(or $(AWAY),60) --processes

faults: .venv/dev  ## kill what carries orders out, and read from the ledgers what must hold: ORDERS= KILLS= SEED= VICTIMS= ACTIONS= WITHOUT= POSTGRESQL=1
	$(BIN)/python -m tests.faults --orders $(or $(ORDERS),300) --kills $(or $(KILLS),30) $(if $(SEED),--seed $(SEED)) $(if $(VICTIMS),--victims $(VICTIMS)) $(if $(ACTIONS),--actions $(ACTIONS)) $(if $(WITHOUT),--without $(WITHOUT)) $(if $(POSTGRESQL),--postgresql)

moves: .venv/dev  ## move 200 buckets of orders there, back and for good while customers order and a monkey kills ordering and the mover: SEED= VICTIMS= POSTGRESQL=1 INSTANCES=2
	$(BIN)/python -m tests.faults --moved 200 --and-back --orders 200 --kills 24 --interval 4 --actions SIGKILL --victims $(or $(VICTIMS),ordering mover) $(if $(SEED),--seed $(SEED)) $(if $(POSTGRESQL),--postgresql) $(if $(INSTANCES),--instances $(INSTANCES))

check: check-types check-rest  ## style, types, import rules, the route table, migrations

check-types: .venv/dev  ## the types alone
	$(BIN)/mypy

check-rest: .venv/dev .venv/clients  ## all of it but the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/front check
	$(BIN)/front migrate --check
	if [ -x $(TSC) ]; then for part in tsconfig tsconfig.worker tsconfig.console; do $(TSC) -p clients/$$part.json || exit 1; done; fi

bench: .venv/run .bench/installed  ## measure beside others, within 20 minutes; QUICK=1 for a look within 3
	$(BIN)/python -m bench $(if $(QUICK),--quick,--write)

bench-check: .venv/run  ## fail when a figure of the last `make bench` is worse by a tenth than in the one before
	$(BIN)/python -m bench.bars

contracts: .venv/dev  ## write contracts/ anew: what clients and BFFs rely on, what apps serve, what services publish
	$(BIN)/front contracts persist
	CONTRACTS=write $(BIN)/python -m pytest tests/contracts/test_clients.py tests/contracts/test_openapi.py tests/contracts/test_services.py tests/contracts/test_events.py tests/contracts/test_graphql.py tests/contracts/test_agents.py

docs: .venv/dev .venv/clients  ## the documentation as a site, in .site/html; dead links fail
	$(BIN)/python -m docsite

budgets: .venv/dev  ## what each screen costs, beside what contracts/budgets.toml allows: a minute
	$(BIN)/python -m bench.budgets

migration: .venv/dev  ## write the next version of a service's database: APP=catalog MESSAGE="Pages of a book"
	$(BIN)/front migrate $(APP) --new "$(MESSAGE)"
	$(BIN)/ruff format --quiet services

proto: .venv/dev  ## generate the messages and the descriptor set of shop/pb/*.proto anew
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. \
		--include_imports --include_source_info --descriptor_set_out=shop/pb/shop.binpb shop/pb/*.proto

RUN_EXTRAS := compression dns embedded envoy events graphql grpc otel postgresql sql validation valkey # what only tests need is not in the image
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock:  ## pin requirements/*.txt anew (needs uv)
	$(LOCK) requirements/build.in --output-file requirements/build.txt
	$(LOCK) pyproject.toml $(RUN_EXTRAS:%=--extra %) requirements/run.in --output-file requirements/run.txt
	$(LOCK) pyproject.toml --all-extras requirements/run.in requirements/dev.in --constraints requirements/run.txt --output-file requirements/dev.txt
	$(LOCK) requirements/bench.in --output-file requirements/bench.txt

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /  \1\t/p' Makefile | expand -t 16

clean:  ## remove all that was installed, and the data of the shop
	rm -rf .venv .data .bench .site $(FOREIGN)/node_modules clients/node_modules bench/by_hand/fastify/node_modules

.venv/run: requirements/build.txt requirements/run.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Frontispiece needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --require-hashes -r requirements/build.txt -r requirements/run.txt
	$(PIP) --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv/dev: .venv/run requirements/dev.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	touch $@

# The identity provider that is not ours, for the tests that need one; without npm they are skipped.
.venv/foreign: $(FOREIGN)/package-lock.json | .venv/run
	if command -v npm >/dev/null; then npm ci --prefix $(FOREIGN) --ignore-scripts --no-audit --no-fund && touch $@; fi

# What checks the clients' types and accessibility; without npm both are left out.
.venv/clients: clients/package-lock.json | .venv/run
	if command -v npm >/dev/null; then npm ci --prefix clients --ignore-scripts --no-audit --no-fund && touch $@; fi

.bench/installed: requirements/bench.txt
	test -x .bench/venv/bin/python || $(PYTHON) -m venv .bench/venv
	.bench/venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r requirements/bench.txt
	touch $@
