# make deploy: the whole platform on this machine.   make test: everything CI runs.   make help: the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# Ansible runs in UTF-8 alone, which LC_ALL=C and EUC-KR are not.
ifneq ($(shell locale charmap 2> /dev/null),UTF-8)
export LC_ALL := C.UTF-8
endif
# A bundle for closed networks, from which alone everything comes: make deploy BUNDLE=/path
export BUNDLE BUNDLE_SIGNERS
# Passed on to ansible-playbook, for example ARGS=-K where sudo asks for a password, or ARGS="--check --diff".
ARGS ?=

.PHONY: docs help deploy verify doctor backup drill images bundle test check lint types unit test-preflight test-images test-api test-gateway test-stack test-backup test-credentials test-monitoring molecule stories browser fuzz bench bench-api bench-login bench-tracing bench-connections bench-load bench-alerts bench-redis bench-compat lint-inventory audit test-control test-next lock

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 20

deploy: .venv/control ## install the platform on this machine and verify it
	ansible-playbook site.yml $(ARGS)

verify: .venv/control ## check the running platform against the manual, load tests included
	ansible-playbook playbooks/verify.yml --tags verify,load $(ARGS)

doctor: .venv/control ## what is wrong on this machine, and what to type; changes nothing
	ansible-playbook playbooks/doctor.yml $(ARGS)

backup: .venv/control ## an archive of this machine's data: docs/en/backup.md
	ansible-playbook playbooks/backup.yml $(ARGS)

drill: .venv/control ## prove that the newest archive can be restored
	ansible-playbook playbooks/drill.yml $(ARGS)

images: .venv/control ## Docker and every image on this machine, those of optional services too, without starting anything
	ansible-playbook playbooks/images.yml -e '{"monitoring_alertmanager_enabled": true, "monitoring_node_exporter_enabled": true, "monitoring_nginx_exporter_enabled": true, "tracing_storage": "elasticsearch", "tracing_elasticsearch_managed": true}' $(ARGS)

bundle: .venv/control ## what a closed network needs, in one signed directory: docs/en/closed-networks.md
	ansible-playbook playbooks/bundle.yml $(ARGS)

test: check images suites test-api molecule ## everything; as root, or with sudo and the right to use Docker

# Beside the images' tests, which list and remove images, run those that use none; then the longest first.
SUITES := test-images test-preflight test-control test-stack test-backup test-gateway test-monitoring test-credentials
.PHONY: suites
suites: .venv/ready ## the tests of roles and modules, two suites at a time: they wait half of their time
	$(MAKE) --keep-going --jobs=2 --output-sync=target $(SUITES)

check: lint types unit ## the fast part: lint, types, unit tests

lint: .venv/ready
	ruff check . && ruff format --check . && PYTHONPATH=api lint-imports --no-logo
	yamllint --strict . && ansible-lint --offline

types: .venv/ready
	mypy

unit: .venv/ready
	pytest -q api/tests/unit tests/unit

test-preflight: .venv/ready ## what is refused before anything is touched
	pytest -q tests/preflight

test-images: .venv/ready ## each image against the table of docs/architecture.md
	pytest -q tests/images

# How many workers test the API side by side, each with a MySQL and a Redis of its own; 0 is this process alone. These tests wait
# more than they compute: two take three minutes less on two cores, and more would only add servers.
WORKERS ?= 2
test-api: .venv/ready ## the API on real MySQL and Redis, two workers (WORKERS=0: one after the other)
	pytest -q --numprocesses=$(WORKERS) --dist=loadfile api/tests --ignore=api/tests/unit

fuzz: .venv/ready ## ten thousand requests that schemathesis makes from the OpenAPI document
	JIUCOM_FUZZ_CASES=10000 pytest -q --timeout=3600 api/tests/fuzz

bench: .venv/ready ## latency with 200,000 parts against 2,000, with the query plans
	PYTHONPATH=api:. python -m bench.data

bench-api: .venv/ready ## CPU per request as a multiple of a bare route, in the image that was deployed last
	PYTHONPATH=api:. python -m bench.api

bench-connections: .venv/ready ## memory of a thousand idle connections through this machine's gateway
	PYTHONPATH=api:. python -m bench.connections

bench-compat: .venv/ready ## how part data is read as shops write it, and what a look at a build costs
	PYTHONPATH=api:. python -m bench.compat

bench-login: .venv/ready ## whether the time of 600 refused logins tells which addresses exist
	JIUCOM_TEST_LONG=1 pytest -q api/tests/api/test_login_time.py

bench-tracing: .venv/ready ## what a slow, refusing or absent Zipkin costs, and tracing at all
	PYTHONPATH=api:. python -m bench.tracing

bench-load: .venv/ready ## many clients, through the gateway and past it: throughput, tails, what limits each kind; overload
	PYTHONPATH=api:. python -m bench.load

bench-redis: .venv/ready ## each server of a Redis cluster killed and stopped under writes: how long, and what is lost
	PYTHONPATH=api:. python -m bench.redis_cluster

bench-alerts: .venv/ready ## a price change with 100,000 due alerts, a new nickname of an author of 100,000 posts, a shop of 20,000 offers that closes
	PYTHONPATH=api:. python -m bench.alerts

test-gateway: .venv/ready ## the gateway's own answers and its log, and notifications through it, on a real nginx
	tools/npm.sh
	pytest -q tests/gateway

test-stack: .venv/ready ## what differs between the platform as written and as it runs, and what the doctor says, on toy projects
	pytest -q tests/stack

test-credentials: .venv/ready ## secrets show nowhere, and change while MySQL and Redis run
	pytest -q tests/credentials

test-backup: .venv/ready ## archives, restore, drill, point in time, shipping: a small installation with a real MySQL
	tools/backup.sh
	pytest -q tests/backup

test-monitoring: .venv/ready ## rules, dashboards, board
	pytest -q tests/monitoring

molecule: .venv/ready ## every scenario, two at a time (SCENARIOS="cache api": these alone)
	tools/molecule.sh $(SCENARIOS)

stories: .venv/ready ## tests that stop, fill or wait for something, about an hour; docs/stories.md says how they ended
	tools/stories.sh $(SCENARIOS)

browser: ## what the tests in a browser need: Chromium and its STOMP client
	tools/browser.sh

lint-inventory: .venv/control ## the values of an inventory, without a host: ARGS="-i inventories/prod --ask-vault-pass"
	ansible-playbook playbooks/lint_inventory.yml $(ARGS)

audit: .venv/ready ## known vulnerabilities of the Python packages in the lock files; asks the package index
	for lock in requirements.lock api/requirements.lock board/requirements.lock; do pip-audit --strict --disable-pip --require-hashes -r $$lock; done

test-control: .venv/ready ## the control node: Pythons, paths, locks, what is refused before a host is asked
	pytest -q tests/control

test-next: .venv/ready ## the next two lines of ansible-core
	pytest -q tests/next

docs: .venv/ready ## the tables and pictures of docs/en and docs/ko anew, from the data that they show
	PYTHONPATH=api:.:collections python -m tools.docs

LOCK := uv pip compile -q --generate-hashes --no-annotate --no-header
lock: .venv/ready ## the lock files anew
	$(LOCK) --python-version 3.11 --universal pyproject.toml --group control --group dev -o requirements.lock
	$(LOCK) --python-version 3.11 --universal --group pyproject.toml:control -c requirements.lock -o control.lock
	$(LOCK) --python-version 3.11 --universal --no-deps --group pyproject.toml:collections -o collections.lock
	$(LOCK) --python-version 3.13 pyproject.toml -c requirements.lock -o api/requirements.lock
	$(LOCK) --python-version 3.13 board/requirements.txt -c requirements.lock -o board/requirements.lock

# .venv/control is enough for deploying, .venv/ready for tests.
.venv/control: control.lock collections.lock requirements.yml tools/bootstrap.sh tools/unpack_collections.py
	tools/bootstrap.sh control

.venv/ready: .venv/control requirements.lock
	tools/bootstrap.sh ready
