# `make demo` and `make test` do all their own set-up; the second time it takes about a second.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-numpy1 lint check clean

ENV := source env.sh

help:  ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## /  make \1\t/' | expand -t 20

setup:  ## system packages, Python environment with ROS 2, software Vulkan, workspace build
	@tools/setup.sh

demo: setup  ## three instructions in simulation; pictures, a video and a bag in out/demo
	@$(ENV) && unihm demo

test:  ## all tests
	@tools/setup.sh tests
	@# One thread each: processes with a thread per core keep each other waiting.
	@$(ENV) && OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadgroup $(ARGS)

test-numpy1:  ## the core's tests (without ROS, browser, camera) on NumPy 1.26
	@tools/try_numpy1.sh $(ARGS)

lint:  ## ruff, mypy and import-linter
	@tools/setup.sh lint
	@$(ENV) && ruff check . && ruff format --check . && mypy && lint-imports

check: lint test  ## the linters, then all tests

clean:  ## remove everything that set-up and builds have made
	rm -rf .venv .venv-numpy1 build install log out
