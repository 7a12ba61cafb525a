# How to build, test and release the project. CI runs only these targets.

SHELL := /bin/bash -euo pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

TOOLS := $(CURDIR)/.tools
BUILD := $(or $(CARGO_TARGET_DIR),target)
FILTER := target/portcullis.wasm
DYNAMIC_MODULE := target/libportcullis.so
UNOPTIMIZED := $(BUILD)/wasm32-wasip1/wasm/portcullis_filter.wasm
BINARYEN := $(TOOLS)/node/node_modules/binaryen/bin

# Must be exactly the version of wasm-bindgen that core uses.
WASM_BINDGEN := 0.2.129
CARGO_DENY := 0.20.2
CARGO_FUZZ := 0.13.2
CADDY := v2.11.9
OAUTH2_PROXY := v7.15.6
ACTIONLINT := v1.7.12
CARGO_CYCLONEDX := 0.5.9
HELM := v4.3.1
KUBECONFORM := v0.8.0
KUSTOMIZE := v5.8.1
CRANE := v0.22.1
# The versions that kube-apiserver and istiod report; tests/setup/*/go.mod determines what they are.
KUBERNETES := 1.37.2
ISTIO := 1.31.0

# What rustc enables for wasm32-wasip1, without features that an older V8 rejects.
FEATURES := bulk-memory bulk-memory-opt call-indirect-overlong multivalue mutable-globals \
	nontrapping-float-to-int reference-types sign-ext
FEATURES := --mvp-features $(FEATURES:%=--enable-%)

# The steps of `make test` after `tools`, in this order.
STEPS := lint unit node wasm e2e

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

.PHONY: tools
tools: demo-tools provider servers chromium caddy installers wasm-bindgen cargo-deny abi ## install what the other targets need into .tools/

# What the demo and the benchmark need, without what only tests need.
.PHONY: demo-tools
demo-tools: build-tools envoys apps

# What a build needs, so that `make wasm` works without `make tools`. With the crates, because a build names the folder
# that holds them.
.PHONY: build-tools
build-tools:
	tests/setup/rust.sh
	cargo fetch --locked --quiet
	tests/setup/node.sh node

.PHONY: envoys
envoys:
	tests/setup/envoy.sh

# The OpenID provider of the demo and the tests.
.PHONY: provider
provider:
	tests/setup/node.sh oidc-provider

# One after the other: `apt-get update` locks the package lists.
.PHONY: apps servers chromium
apps:
	tests/setup/debian.sh apps prometheus prometheus-alertmanager
servers: | apps
	tests/setup/debian.sh servers nginx redis-server
chromium: | servers
	tests/setup/debian.sh chromium chromium chromium-driver

.PHONY: abi
abi:
	tests/setup/abi.sh

.PHONY: caddy
caddy:
	tests/setup/go.sh caddy github.com/caddyserver/caddy/v2/cmd/caddy $(CADDY)

# What installs the project in Kubernetes, with the schemas of its objects, and what makes images and checks workflows. One
# after the other: each Go build uses all cores.
.PHONY: installers
installers: | caddy
	tests/setup/go.sh helm helm.sh/helm/v4/cmd/helm $(HELM)
	tests/setup/go.sh kubeconform github.com/yannh/kubeconform/cmd/kubeconform $(KUBECONFORM)
	tests/setup/go.sh kustomize sigs.k8s.io/kustomize/kustomize/v5 $(KUSTOMIZE)
	tests/setup/go.sh actionlint github.com/rhysd/actionlint/cmd/actionlint $(ACTIONLINT)
	tests/setup/images.sh
	tests/setup/certificates.sh
	tests/setup/schemas.sh

.PHONY: wasm-bindgen
wasm-bindgen: build-tools
	tests/setup/cargo.sh wasm-bindgen wasm-bindgen-cli $(WASM_BINDGEN) wasm-bindgen-test-runner

# With the crates of all platforms, which it reads. After `build-tools`, because rustup can't install a toolchain twice at
# the same time.
.PHONY: cargo-deny
cargo-deny: build-tools
	tests/setup/cargo.sh cargo-deny cargo-deny $(CARGO_DENY)
	cargo fetch --locked --quiet --manifest-path tests/fuzz/Cargo.toml

.PHONY: fmt
fmt: ## format the code
	cargo fmt --all

DENY := $(TOOLS)/cargo-deny/bin/cargo-deny --config .cargo/deny.toml

# This and the following targets always build the whole workspace: Cargo unifies the features of the packages that it
# builds together, so another selection of packages would rebuild their shared dependencies. Dependencies are checked
# offline, from Cargo.lock and the crates; only advisories have a database.
.PHONY: lint
lint: cargo-deny ## check the format, the lints, the API docs, and the dependencies' licences, bans and sources
	cargo fmt --all --check
	cargo fmt --manifest-path tests/fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets --features portcullis-tests/mesh,portcullis-tests/migration -- -D warnings
	cargo clippy -p portcullis-engine -p portcullis-filter --target wasm32-wasip1 -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet
	$(DENY) --offline --locked check bans licenses sources
	$(DENY) --offline --locked --manifest-path tests/fuzz/Cargo.toml check sources

.PHONY: unit
unit: ## run the unit tests of all crates
	cargo test --workspace --lib --bins -- --test-threads=$$((2 * $$(nproc)))

# Not with --quiet: it breaks the test runner.
.PHONY: node
node: ## run core's tests as WebAssembly in Node
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$(TOOLS)/wasm-bindgen/bin/wasm-bindgen-test-runner \
		cargo test -p portcullis-core --target wasm32-unknown-unknown

.PHONY: wasm
wasm: build-tools $(FILTER) ## build the filter: target/portcullis.wasm
	@echo "$(FILTER): $$(stat -c %s $(FILTER)) bytes"

# Panic messages contain source paths. Without their machine-specific prefixes the build is reproducible. Listed by the
# shell: make remembers what it found in a folder before the crates were there.
CRATES = $(shell ls -d $(or $(CARGO_HOME),$(HOME)/.cargo)/registry/src/*)
REMAP = $(CRATES:%=--remap-path-prefix=%=crates) --remap-path-prefix=$(CURDIR)=.
wasm: export CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS = $(REMAP)

# Cargo decides whether to rebuild, and keeps the file's modification time if not. Only the cdylib, because rustc does
# no link-time optimisation across crates when it also builds an rlib: that saves a tenth of the size.
.PHONY: always
$(UNOPTIMIZED): always
	cargo rustc --profile wasm --target wasm32-wasip1 -p portcullis-filter --lib --crate-type cdylib

# Envoy enters the VM for each callback that a Wasm module exports, so the exports that the filter does not use are
# removed first, with the code that only they use. Flattening first and optimising twice saves 1 % of the size, and so
# does that the first 1,024 bytes of memory are unused: rustc puts the end of the stack there.
$(FILTER): $(UNOPTIMIZED) src/filter/exports.json
	@mkdir -p $(@D)
	$(BINARYEN)/wasm-metadce $(FEATURES) $< --graph-file src/filter/exports.json -o $@.exports >/dev/null
	$(BINARYEN)/wasm-opt $(FEATURES) --low-memory-unused --flatten --rereloop -Oz -Oz \
		--strip-debug --strip-producers --strip-target-features $@.exports -o $@
	@rm $@.exports

# With the release profile, which unwinds: a panic ends one request and not the proxy.
.PHONY: module
module: ## build the filter as an Envoy dynamic module: target/libportcullis.so
	cargo build --release -p portcullis-module
	@mkdir -p $(dir $(DYNAMIC_MODULE))
	@cmp --quiet $(BUILD)/release/libportcullis_module.so $(DYNAMIC_MODULE) \
		|| cp $(BUILD)/release/libportcullis_module.so $(DYNAMIC_MODULE)
	@echo "$(DYNAMIC_MODULE): $$(stat -c %s $(DYNAMIC_MODULE)) bytes"

.PHONY: build
build: wasm module ## build a release: the filter, the dynamic module and target/release/portcullis
	cargo build --release -p portcullis

# Images name the version of the workspace, and the commit with its time, which SOURCE_DATE_EPOCH replaces. Everything
# else in them comes from the sources and from pinned tools, so one commit gives one digest.
VERSION = $(shell cargo pkgid -p portcullis | awk -F '[\#@]' '{ print $$NF }')
REVISION = $(shell git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null)
CREATED = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),0)
IMAGES := target/images
ABOUT = -version '$(VERSION)' -revision '$(REVISION)' -created '$(CREATED)'
MUSL := x86_64-unknown-linux-musl aarch64-unknown-linux-musl

.PHONY: image-tools
image-tools:
	tests/setup/images.sh
	tests/setup/certificates.sh

# Static programs, which need no base image. Zig compiles ring's C code and links, for both architectures on either.
.PHONY: companions
companions: export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS = $(REMAP)
companions: export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS = $(REMAP)
companions: export CARGO_ZIGBUILD_ZIG_PATH = $(TOOLS)/cross/bin/zig
companions: export CARGO_ZIGBUILD_CACHE_DIR = $(TOOLS)/cross/cache
companions: export ZIG_GLOBAL_CACHE_DIR = $(TOOLS)/cross/cache
companions: build-tools
	tests/setup/cross.sh
	$(TOOLS)/cross/bin/cargo-zigbuild zigbuild --locked --release -p portcullis --bin portcullis $(MUSL:%=--target %)

.PHONY: filter-image
filter-image: wasm image-tools
	@mkdir -p $(IMAGES)
	@$(TOOLS)/images/images filter -wasm $(FILTER) -out $(IMAGES)/filter $(ABOUT) >$(IMAGES)/filter.txt

.PHONY: companion-image
companion-image: companions image-tools
	@mkdir -p $(IMAGES)
	@$(TOOLS)/images/images companion -amd64 $(BUILD)/x86_64-unknown-linux-musl/release/portcullis \
		-arm64 $(BUILD)/aarch64-unknown-linux-musl/release/portcullis \
		-certificates $(TOOLS)/certificates/ca-certificates.crt -out $(IMAGES)/companion $(ABOUT) >$(IMAGES)/companion.txt

# A line for each image: its name, its version and its digest.
.PHONY: images
images: filter-image companion-image ## write the images as OCI layouts: target/images/filter and target/images/companion
	@cat $(IMAGES)/filter.txt $(IMAGES)/companion.txt | tee $(IMAGES)/images.txt

DIST := target/dist
CHART := $(DIST)/chart/portcullis
# The registry that the packaged chart names, and that `make publish` pushes to.
REGISTRY ?= registry.example.com

.PHONY: publish-tools
publish-tools:
	tests/setup/go.sh crane github.com/google/go-containerregistry/cmd/crane $(CRANE)
	tests/setup/go.sh helm helm.sh/helm/v4/cmd/helm $(HELM)

CERTIFI = $(shell sed -n 's/^certifi==\([^ ]*\).*/\1/p' tests/setup/certificates/requirements.txt)

# cargo-cyclonedx writes beside the manifest of every package of the workspace. Helm and tar keep the times of files, which
# are those of the checkout.
.PHONY: dist
dist: images publish-tools ## leave what a release holds in target/dist, see .github/RELEASING.md (REGISTRY=ghcr.io/example)
	tests/setup/cargo.sh cargo-cyclonedx cargo-cyclonedx $(CARGO_CYCLONEDX)
	@rm -rf $(DIST) && mkdir -p $(DIST)/chart
	@cp $(IMAGES)/images.txt $(FILTER) $(DIST)
	@cp $(BUILD)/x86_64-unknown-linux-musl/release/portcullis $(DIST)/portcullis-linux-amd64
	@cp $(BUILD)/aarch64-unknown-linux-musl/release/portcullis $(DIST)/portcullis-linux-arm64
	@for image in filter companion; do \
		tar --sort=name --mtime=@$(CREATED) --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --format=ustar \
			-C $(IMAGES)/$$image -cf $(DIST)/portcullis-$$image.oci.tar oci-layout index.json blobs; \
	done
	$(call sbom,filter,wasm32-wasip1,)
	$(call sbom,companion,x86_64-unknown-linux-musl,$(CERTIFI))
	@cp -r istio/chart $(CHART)
	@awk -v registry='$(REGISTRY)' -f istio/images/values.awk $(DIST)/images.txt istio/chart/values.yaml >$(CHART)/values.yaml
	@find $(CHART) -exec touch --date=@$(CREATED) {} +
	$(TOOLS)/helm/bin/helm package $(CHART) --destination $(DIST)
	@rm -r $(DIST)/chart
	@cd $(DIST) && sha256sum -- * >sha256sums && cat sha256sums

# sbom: the SBOM of the image $(1), whose package is in src/$(1) and built for $(2), with version $(3) of the certificates.
define sbom
	@SOURCE_DATE_EPOCH=$(CREATED) $(TOOLS)/cargo-cyclonedx/bin/cargo-cyclonedx cyclonedx --quiet --format json --spec-version 1.5 \
		--manifest-path src/$(1)/Cargo.toml --target $(2) --no-build-deps --override-filename portcullis.cdx
	@$(TOOLS)/images/images sbom -bom src/$(1)/portcullis.cdx.json -sources $(CURDIR) -certifi '$(3)' \
		-out $(DIST)/portcullis-$(1).cdx.json
	@rm -f src/*/portcullis.cdx.json tests/portcullis.cdx.json
endef

# Digests do not change when images are copied, so a registry that changed one has stored something else.
.PHONY: publish
publish: publish-tools ## push what `make dist` left, or a release's files in target/dist, to REGISTRY
	@cd $(DIST) && sha256sum --check --quiet sha256sums
	@rm -rf target/publish && mkdir -p target/publish
	@while read -r image version digest; do \
		folder=target/publish/$$image; name=$(REGISTRY)/portcullis/$$image; \
		mkdir $$folder; tar -xf $(DIST)/portcullis-$$image.oci.tar -C $$folder; \
		[[ $$($(TOOLS)/crane/bin/crane push $$folder $$name:$$version) == "$$name@$$digest" ]] \
			|| { echo "publish: $$name:$$version has another digest than $(DIST)/images.txt" >&2; exit 1; }; \
		echo "$$image $$name@$$digest" | tee -a target/publish/references.txt; \
	done <$(DIST)/images.txt
	@charts=$(REGISTRY)/portcullis/charts; for package in $(DIST)/portcullis-*.tgz; do \
		version=$$(basename $${package#*/portcullis-} .tgz); \
		$(TOOLS)/helm/bin/helm push $$package oci://$$charts $(HELM_PUSH_FLAGS); \
		echo "chart $$charts/portcullis@$$($(TOOLS)/crane/bin/crane digest $$charts/portcullis:$$version)" \
			| tee -a target/publish/references.txt; \
	done

# Tests wait for other programs, so more of them run at once than there are cores, here and in `unit`. The dynamic module is not
# optimised here, because that takes minutes and no test measures it.
.PHONY: e2e
e2e: wasm ## run the end-to-end tests, with real programs
	cargo build --workspace --bins --lib
	cp -u $(BUILD)/debug/libportcullis_module.so $(BUILD)/debug/libportcullis.so
	cargo test --workspace --test '*' -- --test-threads=$$((2 * $$(nproc)))
	$(MAKE) e2emodule

# What the adapters have in common, again with the dynamic module: without V8 it starts fast.
.PHONY: e2emodule
e2emodule: export PORTCULLIS_ADAPTER := module
e2emodule: ## run the tests of gate and sessions with the dynamic module
	cargo test --workspace --test gate -- --test-threads=$$((3 * $$(nproc))) \
		$(addprefix --skip ,attach:: audit_logs:: capabilities:: credential_injector:: envoy_files:: karma_gate:: module policy_updates::)
	cargo test --workspace --test people -- --test-threads=$$((3 * $$(nproc))) sessions::

.PHONY: test
test: ## install the tools, then run lint, unit, node, wasm and e2e
	@report=; \
	trap 'echo "seconds:$$report"' EXIT; \
	for step in tools $(STEPS); do \
		began=$$SECONDS; \
		$(MAKE) $$([[ $$step != tools ]] || echo --jobs=3) $$step || { report+=" $$step failed"; exit 1; }; \
		report+=" $$step $$((SECONDS - began))"; \
	done

.PHONY: manifests
manifests: installers ## write istio/companion and the chart's schema anew, from the chart and from `portcullis schema`
	cargo build --workspace --bins
	PORTCULLIS_WRITE_GENERATED=1 cargo test --workspace --test installation -- generated

KUBERNETES_FLAGS := -X k8s.io/component-base/version.gitVersion=v$(KUBERNETES) \
	-X k8s.io/component-base/version.gitMajor=$(word 1,$(subst ., ,$(KUBERNETES))) \
	-X k8s.io/component-base/version.gitMinor=$(word 2,$(subst ., ,$(KUBERNETES)))

# What only `make mesh` needs. One after the other: each build uses all cores.
.PHONY: mesh-tools
mesh-tools: publish-tools
	@echo 'setup: kube-apiserver, Istio and Envoy Gateway take 5 to 20 minutes each to build on two cores, once'
	tests/setup/debian.sh etcd etcd-server
	tests/setup/schemas.sh
	tests/setup/istio-agent.sh
	tests/setup/go-module.sh kubernetes "$(KUBERNETES_FLAGS)" k8s.io/kubernetes/cmd/kube-apiserver
	tests/setup/go-module.sh istio '-X istio.io/istio/pkg/version.buildVersion=$(ISTIO)' \
		istio.io/istio/pilot/cmd/pilot-discovery istio.io/istio/pilot/cmd/pilot-agent ./fetch
	tests/setup/go-module.sh envoy-gateway '' github.com/envoyproxy/gateway/cmd/egctl

# A few tests at once: each runs API servers of 300 MB.
.PHONY: mesh
mesh: build-tools envoys provider mesh-tools filter-image ## run the tests with real API servers and a real istiod
	cargo build --workspace --bins
	cargo test --workspace --features portcullis-tests/mesh --test mesh -- --test-threads=4

.PHONY: demo
demo: demo-tools provider wasm ## run a gateway with real apps (ONESHOT=1: print the table and exit)
	cargo build --workspace --bins
	$(BUILD)/debug/demo

.PHONY: migration
migration: build-tools envoys provider wasm ## run the migration from a real oauth2-proxy, and back
	tests/setup/go.sh oauth2-proxy github.com/oauth2-proxy/oauth2-proxy/v7 $(OAUTH2_PROXY) ''
	cargo build --workspace --bins
	cargo test --workspace --features portcullis-tests/migration --test migration

# Release builds, because the companion is measured. The filter and Envoy are optimised anyway.
.PHONY: bench
bench: demo-tools provider wasm ## compare with jwt_authn, oauth2-proxy and NGINX (BENCH_ROUNDS=5 BENCH_SECONDS=4 BENCH_PART=filter)
	tests/setup/go.sh oauth2-proxy github.com/oauth2-proxy/oauth2-proxy/v7 $(OAUTH2_PROXY) ''
	cargo build --release --workspace --bins --lib
	cp -u $(BUILD)/release/libportcullis_module.so $(BUILD)/release/libportcullis.so
	$(BUILD)/release/bench

.PHONY: audit
audit: cargo-deny ## check dependencies: licences, bans, sources and advisories
	$(DENY) --locked check bans licenses sources
	@# If the database is unreachable, advisories are not checked. An advisory that matches is still an error.
	@mkdir -p target
	@$(DENY) --locked check advisories 2>&1 | tee target/audit.log \
		|| { grep -q 'failed to fetch advisory database' target/audit.log \
			&& echo 'audit: the advisory database is unreachable, advisories were not checked'; }

# libFuzzer needs instrumentation that the toolchain has, and `--sanitizer none` needs no unstable option.
SECONDS ?= 60
FUZZ := $(basename $(notdir $(wildcard tests/fuzz/fuzz_targets/*.rs)))
FUZZ_BUILD := target/fuzz/build

# In recipes $(SECONDS), because bash counts in $$SECONDS.
.PHONY: fuzz
fuzz: ## fuzz the parsers and the engine (SECONDS=60: time per target; FUZZ=token: one target only)
	tests/setup/rust.sh
	tests/setup/cargo.sh cargo-fuzz cargo-fuzz $(CARGO_FUZZ)
	tests/setup/cxx.sh
	$(TOOLS)/cargo-fuzz/bin/cargo-fuzz build --fuzz-dir tests/fuzz --target-dir $(FUZZ_BUILD) --sanitizer none
	@tests/fuzz/run.sh $(SECONDS) $(FUZZ_BUILD)/*/release $(FUZZ)

.PHONY: clean
clean: ## remove build results, but not .tools/
	cargo clean
	rm -rf target
