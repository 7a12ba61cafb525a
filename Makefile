# Every habit of the project. CI runs only these targets.

SHELL := /bin/bash -euo pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

TOOLS := $(CURDIR)/.tools
BUILD := $(or $(CARGO_TARGET_DIR),target)
MODULE := target/portcullis.wasm
NATIVE := target/libportcullis.so
LINKED := $(BUILD)/wasm32-wasip1/wasm/portcullis_filter.wasm
BINARYEN := $(TOOLS)/node/node_modules/binaryen/bin

# Has to be the version of core's wasm-bindgen to the digit.
WASM_BINDGEN := 0.2.130
CARGO_DENY := 0.20.2
CADDY := v2.11.9
OAUTH2_PROXY := v7.15.6

# What rustc enables for wasm32-wasip1, and nothing that an older V8 would refuse.
FEATURES := bulk-memory bulk-memory-opt call-indirect-overlong multivalue mutable-globals \
	nontrapping-float-to-int reference-types sign-ext
FEATURES := --mvp-features $(FEATURES:%=--enable-%)

# Always the whole workspace: cargo unites the features of what it builds at once, and builds what several crates use
# anew for each selection of them.
STEPS := lint unit node wasm module e2e

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: tools
tools: stage provider servers chromium caddy wasm-bindgen ## install what the other targets need into .tools/ (once)

# What the demo and the benchmark run, without what only tests need.
.PHONY: stage
stage: builders envoys apps

# What a build needs, so that `make wasm` works before `make tools`.
.PHONY: builders
builders:
	tests/setup/rust.sh
	tests/setup/node.sh node

.PHONY: envoys
envoys:
	tests/setup/envoy.sh

# Who signs people in, in the demo and in tests.
.PHONY: provider
provider:
	tests/setup/node.sh oidc-provider

# One after the other: they share the lists of Debian's packages.
.PHONY: apps servers chromium
apps:
	tests/setup/debian.sh apps prometheus prometheus-alertmanager
servers: | apps
	tests/setup/debian.sh servers nginx redis-server
chromium: | servers
	tests/setup/debian.sh chromium chromium chromium-driver

.PHONY: caddy
caddy:
	tests/setup/go.sh caddy github.com/caddyserver/caddy/v2/cmd/caddy $(CADDY)

.PHONY: wasm-bindgen
wasm-bindgen: builders
	tests/setup/cargo.sh wasm-bindgen wasm-bindgen-cli $(WASM_BINDGEN) wasm-bindgen-test-runner

.PHONY: fmt
fmt: ## format the code
	cargo fmt --all

.PHONY: lint
lint: ## check the format, the lints and the docs
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p portcullis-engine -p portcullis-filter --target wasm32-wasip1 -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet

.PHONY: unit
unit: ## test core, engine, filter, companion and lab by themselves
	cargo test --workspace --lib --bins

# Never with -q: it breaks the runner.
.PHONY: node
node: ## test core as WebAssembly, in Node
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$(TOOLS)/wasm-bindgen/bin/wasm-bindgen-test-runner \
		cargo test -p portcullis-core --target wasm32-unknown-unknown

.PHONY: wasm
wasm: builders $(MODULE) ## build the filter: target/portcullis.wasm
	@echo "$(MODULE): $$(stat -c %s $(MODULE)) bytes"

# Panics name their place in the source; what stands before it is this machine's and would make every build another.
CRATES = $(wildcard $(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src/*)
wasm: export CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS = $(CRATES:%=--remap-path-prefix=%=crates) --remap-path-prefix=$(CURDIR)=.

# Cargo knows whether there is something to do, and leaves the file's time alone if not. The module alone, because
# rustc does not optimise across crates where an rlib is made beside it: that is a tenth of the bytes.
.PHONY: always
$(LINKED): always
	cargo rustc --profile wasm --target wasm32-wasip1 -p portcullis-filter --lib --crate-type cdylib

# Envoy enters the VM once for each callback that a module exports, so those that the filter has no use for go
# first, with all that only they reach.
$(MODULE): $(LINKED) src/filter/exports.json
	@mkdir -p $(@D)
	$(BINARYEN)/wasm-metadce $(FEATURES) $< --graph-file src/filter/exports.json -o $@.exports >/dev/null
	$(BINARYEN)/wasm-opt $(FEATURES) -Oz --strip-debug --strip-producers --strip-target-features $@.exports -o $@
	@rm $@.exports

# As for a program of a release, so that it unwinds: a panic ends one request and not the proxy.
.PHONY: module
module: ## build the dynamic module of Envoy: target/libportcullis.so
	cargo build --release -p portcullis-module
	@mkdir -p $(dir $(NATIVE))
	@cmp --quiet $(BUILD)/release/libportcullis_module.so $(NATIVE) \
		|| cp $(BUILD)/release/libportcullis_module.so $(NATIVE)
	@echo "$(NATIVE): $$(stat -c %s $(NATIVE)) bytes"

.PHONY: build
build: wasm module ## build what a release holds: the filter, the module and target/release/portcullis
	cargo build --release -p portcullis

# These tests wait for other programs most of the time, so that more of them run at once than there are cores.
.PHONY: e2e
e2e: wasm module ## prove the promises in real Envoys
	cargo build --workspace --bins
	cargo test --workspace --test '*' -- --test-threads=$$((2 * $$(nproc)))

.PHONY: test
test: ## everything above that can fail, the tools first
	@report=; \
	trap 'echo "seconds:$$report"' EXIT; \
	for step in tools $(STEPS); do \
		began=$$SECONDS; \
		$(MAKE) $$([[ $$step != tools ]] || echo --jobs=3) $$step || { report+=" $$step failed"; exit 1; }; \
		report+=" $$step $$((SECONDS - began))"; \
	done

.PHONY: demo
demo: stage provider wasm ## a gate to try, with real apps and people (ONESHOT=1: show the table and end)
	cargo build --workspace --bins
	$(BUILD)/debug/demo

# As a release is built, for the companion's sake; Envoy and the filter don't mind.
.PHONY: bench
bench: stage provider wasm ## measure beside jwt_authn and oauth2-proxy (BENCH_ROUNDS=5 BENCH_SECONDS=4 BENCH_PART=filter)
	tests/setup/go.sh oauth2-proxy github.com/oauth2-proxy/oauth2-proxy/v7 $(OAUTH2_PROXY) ''
	cargo build --release --workspace --bins
	$(BUILD)/release/bench

DENY := $(TOOLS)/cargo-deny/bin/cargo-deny --config .cargo/deny.toml

.PHONY: audit
audit: ## check licences, bans, sources and advisories (needs the advisory database)
	tests/setup/cargo.sh cargo-deny cargo-deny $(CARGO_DENY)
	$(DENY) check licenses bans sources
	@# The database can't be fetched everywhere; a flaw that it names still fails.
	@mkdir -p target
	@$(DENY) check advisories 2>&1 | tee target/audit.log \
		|| { grep -q 'failed to fetch advisory database' target/audit.log \
			&& echo 'audit: the advisory database is out of reach: advisories were not checked'; }

.PHONY: clean
clean: ## remove what was built; .tools/ stays
	cargo clean
	rm -rf target
