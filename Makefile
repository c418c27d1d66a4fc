# `make demo` and `make test` do all their own set-up; the second time it takes about a second.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint clean

ENV := source env.sh

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 16

setup:  ## system packages, Python environment with ROS 2, software Vulkan, workspace build
	@tools/setup.sh

demo: setup  ## three instructions in simulation; pictures, a video and a bag in out/demo
	@$(ENV) && unihm demo

test: lint  ## all tests, after the linters
	@tools/setup.sh tests
	@# One thread each: processes with a thread per core keep each other waiting.
	@$(ENV) && OMP_NUM_THREADS=1 python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: setup  ## ruff and mypy
	@$(ENV) && ruff check . && ruff format --check . && mypy

clean:  ## remove everything that set-up and builds have made
	rm -rf .venv build install log out
