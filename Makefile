# SPDX-License-Identifier: MIT
# A thin front: meson builds, tools/ does the rest. `make help` lists the targets.

PREFIX ?= /usr/local
DESTDIR ?=
VARIANT ?=
TEST ?=

BUILD := build/release
SQUIRREL := $(BUILD)/squirrel/squirrel
TEST_ARGS := $(addprefix --variant ,$(VARIANT)) $(addprefix --test ,$(TEST))

.DEFAULT_GOAL := build
.PHONY: build run test soak bench check install clean help

build: $(BUILD)/build.ninja ## build the library and squirrel in build/release
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@tools/setup.sh run
	@meson setup $(BUILD) --buildtype=release -Db_lto=true -Dtests=false

run: build ## process the example contexts
	@status=0; $(SQUIRREL) process examples/contexts || status=$$?; \
	if [ $$status -eq 1 ]; then \
	    echo "Done: the failures above are expected, a few of the examples are broken on purpose."; \
	    status=0; \
	fi; \
	exit $$status

test: ## run all tests in all variants; VARIANT=asan TEST=name for one
	@tools/setup.sh test
	@tools/test.py $(TEST_ARGS)

soak: ## run the long tests, without time limits
	@tools/setup.sh test
	@DREY_SOAK=1 tools/test.py --no-timeout --variant $(or $(VARIANT),gcc) $(addprefix --test ,$(TEST))

bench: ## measure drey and its peers
	@tools/setup.sh bench || echo "Peers that are not installed are skipped."
	@$(MAKE) --no-print-directory build
	@ninja -C $(BUILD) --quiet bench/bench-drey
	@bench/run.py --build-dir build/bench

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
	@awk -F ':.*## ' '/^[a-z]+:.*## /{ printf "%-10s %s\n", $$1, $$2 }' Makefile
