# SPDX-License-Identifier: MIT
# A thin front: meson builds, tools/ does the rest. `make help` lists the targets.

PREFIX ?= /usr/local
DESTDIR ?=
VARIANT ?=
TEST ?=
ONLY ?=

BUILD := build/release
SQUIRREL := $(BUILD)/squirrel/squirrel
TEST_ARGS := $(addprefix --variant ,$(VARIANT)) $(addprefix --test ,$(TEST))

.DEFAULT_GOAL := build
.PHONY: build run test soak guard-update bench bench-scale bench-store bench-large figures check install clean help

build: $(BUILD)/build.ninja ## build the library and squirrel in build/release
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@tools/setup.sh run
	@meson setup $(BUILD) --buildtype=release -Db_lto=true -Dtests=false

run: build ## a tour of squirrel with the example contexts, in a fresh store
	@examples/tour.sh $(SQUIRREL) examples/contexts

test: ## run all tests in all variants; VARIANT=asan TEST=name for one
	@tools/setup.sh test
	@tools/test.py $(TEST_ARGS)

soak: ## run the long tests, without time limits
	@tools/setup.sh test
	@DREY_SOAK=1 tools/test.py --no-timeout --variant $(or $(VARIANT),gcc) $(addprefix --test ,$(TEST))

guard-update: ## count the instructions of the hot paths anew, for the test `guard`
	@tools/setup.sh test
	@GUARD_UPDATE=1 tools/test.py --variant guard

bench: bench-build ## measure drey and its peers; ONLY="skynet yield" for some
	@bench/run.py --build-dir build/bench $(addprefix --only ,$(ONLY))

bench-scale: bench-build ## measure how cost grows; ONLY="tasks workers bytes" for some
	@bench/scale.py --build-dir build/bench $(addprefix --only ,$(ONLY))

bench-store: bench-build ## measure squirrel's store, beside Redis and others; ONLY="burst reads" for some
	@bench/store.py --build-dir build/bench $(addprefix --only ,$(ONLY))

bench-large: bench-build ## measure it with a million contexts, and a minute of writing; takes 4 GB
	@bench/store.py --build-dir build/bench --large

.PHONY: bench-build
bench-build:
	@tools/setup.sh bench || echo "Peers that are not installed are skipped."
	@$(MAKE) --no-print-directory build
	@meson setup --reconfigure $(BUILD) >/dev/null # finds the libraries that were installed meanwhile
	@ninja -C $(BUILD) --quiet bench/bench-drey bench/bench-store

# matplotlib is Debian's, so its Python is, too.
figures: ## write what was measured into docs: tables and plots
	@tools/setup.sh plots
	@tools/figures.py --build-dir build/bench
	@/usr/bin/python3 tools/plots.py --build-dir build/bench

check: ## layering, docs, sizes, symbols and linters
	@tools/setup.sh check
	@$(MAKE) --no-print-directory build
	@tools/check/run.py --build-dir $(BUILD)

install: build ## install under PREFIX (and DESTDIR)
	@meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD)

clean: ## remove everything that was built
	@rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{ printf "%-13s %s\n", $$1, $$2 }' Makefile
