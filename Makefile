# The everyday commands. `make help` lists them.
# SPDX-License-Identifier: Apache-2.0

PROMPT ?= What is the capital of France?
MODEL ?= smollm2
PRESET ?= ci
PREFIX ?= /usr/local
SECONDS ?= 20
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)

# Taken as typed: a dollar sign in a prompt is a dollar sign.
override PROMPT := $(value PROMPT)
export PROMPT
# One folder for the Rust crates of all presets.
export CARGO_TARGET_DIR ?= $(CURDIR)/build/cargo
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

sources = $(shell git ls-files '*.h' '*.cpp')
allm := build/release/bin/allm

.PHONY: run test build setup setup-dev install bench asan tsan fuzz format \
        lint clean help

run: build ## Build, then answer PROMPT with the default model, greedily
	@$(allm) run $(MODEL) --temperature 0 -- "$$PROMPT" </dev/null

test: setup ## Build everything (PRESET=ci) and run all tests
	@$(call build_preset,$(PRESET),all)
	@ctest --preset $(PRESET) -j $(JOBS)

build: setup ## Build the program and the library: build/release/bin/allm
	@$(call build_preset,release,product)

setup: ## Install what is missing, fetch the pinned files
	@scripts/setup

setup-dev: # the same, with the tools for fuzzing, formatting and linting
	@scripts/setup --dev

install: build ## Install below PREFIX (default /usr/local)
	@cmake --install build/release --prefix "$(PREFIX)"

bench: setup ## Measure speed: of the default model, then of the parts
	@$(call build_preset,bench,all)
	@build/bench/bin/allm bench $(MODEL)
	@for binary in build/bench/bin/*_bench; do $$binary; done

asan: setup ## Run all tests under AddressSanitizer and UBSan
	@$(call build_preset,asan,all)
	@ctest --preset asan -j $(JOBS)

tsan: setup ## Run the tests that need no MLX under ThreadSanitizer
	@$(call build_preset,tsan,all)
	@ctest --preset tsan -j $(JOBS)

fuzz: setup-dev ## Fuzz each reader of outside bytes for SECONDS (default 20)
	@$(call build_preset,fuzz,fuzzers)
	@scripts/run_fuzzers build/fuzz $(SECONDS)

format: setup-dev ## Format all sources
	@clang-format-14 -i $(sources)
	@if [ -d rust ]; then cargo fmt --manifest-path rust/textbridge/Cargo.toml; fi

lint: setup-dev ## Check formatting, run clang-tidy and the repository checks
	@clang-format-14 --dry-run --Werror $(sources)
	@scripts/check_repo
	@scripts/check_includes
	@$(call build_preset,tidy,all)

clean: ## Remove what was built; fetched files stay
	@rm -rf build

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

# build_preset PRESET,TARGET: configures once, then builds.
# Its progress goes to standard error: what a program prints stays alone.
define build_preset
{ if [ ! -f build/$(1)/build.ninja ]; then cmake --preset $(1); fi \
  && cmake --build build/$(1) -j $(JOBS) --target $(2); } >&2
endef
