# Sim2Real-AD. `make drive` sets everything up and drives; `make test` sets everything up and tests.
# Everything goes into $(VENV); nothing outside this folder is touched except by `make system`.

SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
# A folder of its own for every run: nothing recorded is overwritten.
OUT ?= out/drive-$(shell date +%Y%m%d-%H%M%S)
# Python 3.10 to 3.12: the versions that the CARLA client has wheels for.
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
# A sourced ROS distribution is used as it is; without one, ROS comes as wheels.
comma := ,
ROS_EXTRA := $(if $(ROS_DISTRO),,ros$(comma))
VENV_OPTIONS := $(if $(ROS_DISTRO),--system-site-packages,)
INTERFACES := $(shell find src/interfaces -type f 2>/dev/null)

.PHONY: help drive test messages setup setup-test lint types unit coverage mutation mutation-changed system train report clean

help:
	@echo "make drive    set up and drive the three scenarios through the ROS graph; results in out/drive-<time>"
	@echo "make test     set up, check style, types and import rules, and run the tests"
	@echo "make messages build the ROS message packages into $(VENV)"
	@echo "make system   install the system libraries that are missing (apt-get, needs root)"
	@echo "make train    make the shipped checkpoint again (see README)"
	@echo "make coverage the tests of the safety gate must reach every line and branch of it"
	@echo "make mutation change the safety gate in thousands of small ways; each must fail a test (docs/mutation.md)"
	@echo "make clean    remove the virtual environment, builds and results"

drive: setup
	$(BIN)/s2r drive --scenario all --out $(OUT)

test: setup-test lint unit coverage mutation-changed

setup: $(VENV)/.interfaces
setup-test: $(VENV)/.test $(VENV)/.interfaces

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.10, 3.11 or 3.12 is needed (the CARLA client has wheels for no other)"; exit 1; }
	$(PYTHON) -m venv $(VENV_OPTIONS) $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip wheel "setuptools<80"

$(VENV)/.drive: setup.py | $(VENV)/bin/python
	@$(PYTHON) tools/check_system.py
	@echo "installing the packages for driving (no torch) ..."
	$(BIN)/pip install --quiet --disable-pip-version-check --prefer-binary -e ".[$(ROS_EXTRA)sim]"
	@touch $@

$(VENV)/.test: $(VENV)/.drive
	@echo "installing the packages for training and testing ..."
	$(BIN)/pip install --quiet --disable-pip-version-check --prefer-binary -e ".[$(ROS_EXTRA)sim,train,vlm,cluster,test]"
	@touch $@

$(VENV)/.interfaces: $(VENV)/.drive $(INTERFACES)
	$(BIN)/python -m sim2real_ad.ros.build_interfaces
	@touch $@

messages: $(VENV)/.interfaces

lint: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What keeps time, whole graphs above all, has the cores for itself; and a second try, told in the summary, where the
# machine stood still for a moment.
unit: setup-test
	$(BIN)/pytest -n 2 --dist loadfile test/unit test/world
	$(BIN)/pytest --reruns 1 test/ros test/sim

coverage: setup-test
	$(BIN)/pytest -q -n 2 --dist loadfile --cov=sim2real_ad.safety --cov=sim2real_ad.control.limits --cov-branch \
		--cov-report=term-missing:skip-covered --cov-fail-under=100 test/unit/safety test/unit/control

mutation: setup-test
	$(BIN)/python tools/mutation.py

mutation-changed: setup-test
	$(BIN)/python tools/mutation.py --changed

system:
	@$(PYTHON) tools/check_system.py --install

train: setup-test
	$(BIN)/s2r train all --out out/train

clean:
	rm -rf $(VENV) build install log out .cache mutants
