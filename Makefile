# SPDX-FileCopyrightText: The capi-inventory authors
# SPDX-License-Identifier: Apache-2.0

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MODULE := github.com/capi-inventory/capi-inventory
TOOL := go tool -modfile=go.tools.mod
# golangci-lint with kube-api-linter in it.
LINT := $(TOOL) golangci-lint-kube-api-linter
RELEASE_TOOL := go tool -modfile=go.release.mod
UPSTREAM := sigs.k8s.io/cluster-inventory-api
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REVISION := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
STAMP := -X $(MODULE)/internal/version.value=$(VERSION)
# Where images are pushed to and pulled from, and the version of a release where git has no tag for it.
REGISTRY ?= ghcr.io/capi-inventory
TAG ?= $(VERSION)
RELEASE ?= $(if $(filter v%,$(VERSION)),$(VERSION),v0.1.0-g$(VERSION))
ARCH ?= $(shell go env GOARCH)
# The namespaces in which the broker grants access, separated by commas; no broker is deployed if empty.
ACCESS_NAMESPACES ?=
comma := ,

.DEFAULT_GOAL := help
.PHONY: $(shell awk -F : '/^[a-z0-9-]+:/ {print $$1}' $(MAKEFILE_LIST))

help: ## Print what each target does
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Try
demo: assets build ## Run the whole demo on real API servers; DEMO_ONCE=1 exits when it is done
	@go build -o bin/demo ./test/demo && exec bin/demo

bench: assets build ## Measure what publishing and granting cost, on a real API server; BENCH="-clusters 1000" or BENCH="-grants 1000" for less
	@go build -o bin/bench ./test/bench && exec bin/bench $(BENCH)

##@ Develop
build: ## Build the binaries, and upstream's credential plugin, into bin/
	go build -ldflags '$(STAMP)' -o bin/ ./cmd/...
	go build -o bin/kubeconfig-secretreader $(UPSTREAM)/plugins/kubeconfig-secretreader/cmd/plugin

generate: ## Generate deep copies, CRDs, roles and apply configurations
	.ci/generate

fmt: ## Format the code
	$(LINT) fmt ./...

lint: ## Lint: style, errors, words, the arrows of the architecture, the API's conventions, and the workflows
	$(LINT) run ./...
	$(LINT) run --config .golangci.api.yaml ./api/v1alpha1
	$(TOOL) actionlint -shellcheck= -pyflakes= .github/workflows/*.yaml

verify: generate ## Check that generated, tidied and formatted files are committed, and lint
	go mod tidy
	git diff --exit-code
	@test -z "$$(git status --porcelain)" || { git status --short; exit 1; }
	$(MAKE) lint

clean: ## Remove what the build has written here; the assets in the user's cache stay
	rm -rf bin out _artifacts

##@ Test
assets: ## Get etcd and kube-apiserver: $KUBEBUILDER_ASSETS, else a download, else a build
	@go run ./test/assets/provide >/dev/null

test-unit: ## Test what needs no API server, in seconds
	go list -f '{{.ImportPath}} {{.TestImports}} {{.XTestImports}}' ./... | awk '!/test\/apiserver/ {print $$1}' | xargs go test

test: assets ## Test everything, with the race detector, against real API servers
	go test -race -timeout 30m ./...

test-demo: ## Run the demo once, and compare docs/demo.md with what it prints
	.ci/demo

screenshots: assets ## Write the pictures of docs/ in a real browser
	go test ./internal/cli/dashboard -run TestScreenshots -screenshots $(CURDIR)/docs/images

test-fault: assets ## Test what survives faults, at length: kills, bad networks, API servers that fail, random sequences, half an hour of changes
	go test -count=1 -timeout 4h ./test/fault -fault.full -fault.seed 0
	go test ./internal/publish/endpoint -run '^$$' -fuzz FuzzParse -fuzztime 10000x

cover: assets ## Write the coverage of the tests to bin/cover.html
	@mkdir -p bin
	go test -timeout 30m -coverprofile bin/cover.out -coverpkg ./cmd/...,./controllers/...,./internal/... ./...
	go tool cover -html bin/cover.out -o bin/cover.html

test-e2e: ## Run the end-to-end suite on a real hub in kind; test/e2e/doc.go lists its options
	go test -tags e2e -count=1 -timeout 40m -parallel 16 -v ./test/e2e $(E2E)

fuzz: ## Fuzz the kubeconfig parser and the CEL compiler, a minute each
	go test ./internal/publish/endpoint -run '^$$' -fuzz FuzzParse -fuzztime 1m
	go test ./internal/publish/cel -run '^$$' -fuzz FuzzCompile -fuzztime 1m

##@ Install
# The manifests of a folder, with the images of this REGISTRY and TAG.
manifests = $(TOOL) kustomize build $(1) | sed -E 's;ghcr.io/capi-inventory/(publisher|consumer|broker):latest;$(REGISTRY)/\1:$(2);'

deploy: ## Install on the hub of the current kubeconfig, with a broker for ACCESS_NAMESPACES; images of REGISTRY and TAG must be there
	kubectl get crd clusterprofiles.multicluster.x-k8s.io >/dev/null 2>&1 || kubectl create -k config/crd/clusterprofile
	$(call manifests,config/default,$(TAG)) | kubectl apply --server-side -f -
	kubectl wait --for=condition=Established --timeout=1m crd/inventories.capi-inventory.dev
	kubectl apply --server-side -k config/samples
ifneq ($(ACCESS_NAMESPACES),)
	$(call manifests,config/broker,$(TAG)) | sed 's;--namespace=.*;--namespace=$(ACCESS_NAMESPACES);' | kubectl apply --server-side -f -
	for namespace in $(subst $(comma), ,$(ACCESS_NAMESPACES)); do \
	  kubectl apply --server-side -n "$$namespace" -k config/rbac/broker-namespace; done
endif

deploy-kind: ## Build the images, load them into the kind cluster of the current context, and install the chart; HELM="--values FILE" adds
	REGISTRY=$(REGISTRY) .ci/deploy-kind $(HELM)

undeploy: ## Withdraw every profile and uninstall; the ClusterProfile API stays
	go run ./cmd/publisher withdraw --leader-election-namespace=capi-inventory-system
	kubectl delete --ignore-not-found -k config/rbac/consumer-secrets
	kubectl delete roles,rolebindings -A --field-selector metadata.name=capi-inventory-broker-namespace
	$(call manifests,config/broker,$(TAG)) | kubectl delete --ignore-not-found -f -
	$(call manifests,config/default,$(TAG)) | kubectl delete --ignore-not-found -f -

##@ Release
image: ## Build container images; PLATFORMS=linux/amd64,linux/arm64 builds and pushes for each, with buildx
	REGISTRY=$(REGISTRY) TAG=$(TAG) VERSION=$(VERSION) REVISION=$(REVISION) ARCH=$(ARCH) PLATFORMS=$(PLATFORMS) .ci/image

chart: ## Copy the CRDs into the chart, lint it, and render every combination of its values
	cp config/crd/bases/*.yaml charts/capi-inventory/crds/
	$(TOOL) kustomize build config/crd/clusterprofile >charts/capi-inventory/files/clusterprofile.yaml
	$(TOOL) helm lint --strict charts/capi-inventory
	go test ./test/chart

release-manifests: ## Write the manifests, the chart and clusterctl's files of a release into out/
	rm -rf out bin/chart && mkdir -p out bin/chart
	$(call manifests,config/default,$(RELEASE)) >out/install.yaml
	$(call manifests,config/broker,$(RELEASE)) >out/broker.yaml
	$(call manifests,config/clusterctl,$(RELEASE)) >out/addon-components.yaml
	$(call manifests,config/crd/clusterprofile,$(RELEASE)) >out/clusterprofile.yaml
	cp config/clusterctl/metadata.yaml out/
	cp -R charts/capi-inventory bin/chart/
	TZ=UTC find bin/chart -exec touch -t "$$(TZ=UTC git log -1 --date=format-local:%Y%m%d%H%M.%S --format=%cd)" {} +
	$(TOOL) helm package bin/chart/capi-inventory --destination out --version $(RELEASE:v%=%) --app-version $(RELEASE)

# The binaries by goreleaser, with these flags, and the files of the release in out/. Of a checkout without a remote it would not read
# the commit, so it gets one.
define goreleaser
GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=https://$(MODULE) \
  GORELEASER_CURRENT_TAG=$(RELEASE) $(RELEASE_TOOL) goreleaser release --clean $(1)
cd bin/goreleaser && cp *.tar.gz *.zip *.cdx.json checksums.txt* krew/inventory.yaml ../../out/
endef

release-snapshot: release-manifests ## Write all files of a release into out/, binaries and SBOMs too; nothing is signed or published
	$(call goreleaser,--snapshot --skip=sign)

release: release-manifests ## Write all files of a release, sign their checksums, and make a draft of it on GitHub; publish calls it
	$(call goreleaser)

publish: ## Publish the tagged release: images, the chart and a draft on GitHub, all signed; for the workflow
	REGISTRY=$(REGISTRY) TAG=$(TAG) RELEASE=$(RELEASE) .ci/publish

test-release: ## Test what release-snapshot writes, and that another checkout of the commit gives the same bytes; takes many minutes
	go test -tags release -count=1 -timeout 60m -v ./test/release
