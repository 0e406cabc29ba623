# SPDX-FileCopyrightText: The capi-inventory authors
# SPDX-License-Identifier: Apache-2.0

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
TOOL := go tool -modfile=go.tools.mod
LINT := $(TOOL) golangci-lint-kube-api-linter
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Where images are pushed to and pulled from, and the version of a release where git has no tag for it.
REGISTRY ?= ghcr.io/capi-inventory
TAG ?= $(VERSION)
RELEASE ?= $(if $(filter v%,$(VERSION)),$(VERSION),v0.1.0-g$(VERSION))
RELEASED = REGISTRY=$(REGISTRY) TAG=$(TAG) RELEASE=$(RELEASE) VERSION=$(VERSION)

.DEFAULT_GOAL := help
.PHONY: $(shell awk -F : '/^[a-z0-9-]+:/ {print $$1}' $(MAKEFILE_LIST))

help: ## Print what each target does
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Try
demo: assets build ## Run the whole demo on real API servers; DEMO_ONCE=1 exits when it is done
	@go build -o bin/demo ./test/demo && exec bin/demo

bench: assets build ## Measure what publishing, granting and checking cost; BENCH="-clusters 1000", -grants or -spokes for less
	@go build -o bin/bench ./test/bench && exec bin/bench $(BENCH)

##@ Develop
build: ## Build the binaries, and upstream's credential plugin, into bin/
	go build -ldflags '-X github.com/capi-inventory/capi-inventory/internal/version.value=$(VERSION)' -o bin/ ./cmd/...
	go build -o bin/kubeconfig-secretreader sigs.k8s.io/cluster-inventory-api/plugins/kubeconfig-secretreader/cmd/plugin

generate: ## Generate deep copies, CRDs, roles and apply configurations
	.ci/generate

fmt: ## Format the code
	$(LINT) fmt ./...

lint: ## Lint: style, errors, words, the arrows of the architecture, the API's conventions, and the workflows
	$(LINT) run ./...
	$(LINT) run --config .golangci.api.yaml ./api/v1alpha1
	$(TOOL) actionlint -shellcheck= -pyflakes= .github/workflows/*.yaml

govulncheck: ## Look for known vulnerabilities in what the code calls; asks vuln.go.dev
	go tool -modfile=go.release.mod govulncheck ./...

verify: generate ## Check that generated, tidied and formatted files are committed, and lint
	go mod tidy
	@test -z "$$(git status --porcelain)" || { git status --short; git --no-pager diff; exit 1; }
	$(MAKE) lint

clean: ## Remove what the build has written here; the assets in the user's cache stay
	rm -rf bin out _artifacts

##@ Test
assets: ## Get etcd and kube-apiserver: $KUBEBUILDER_ASSETS, else a download, else a build
	@go run ./test/assets/provide >/dev/null

test-unit: ## Test what uses neither an API server nor a client of one, in seconds: to link a client takes longer than its tests
	go list -f '{{.ImportPath}} {{.Deps}} {{.TestImports}} {{.XTestImports}}' ./{api,cmd,controllers,internal}/... | \
	  awk '!/controller-runtime\/pkg\/client|test\/apiserver/ {print $$1}' | xargs go test -vet=off -ldflags='-s -w'

test: assets ## Test everything, with the race detector, against real API servers
	go test -race -timeout 30m ./...

test-demo: ## Run the demo once, and compare docs/demo.md with what it prints
	.ci/demo

screenshots: assets ## Write the pictures of docs/: of the dashboard in a real browser, and of the demo
	go run ./test/demo/recording && go test ./internal/cli/dashboard -run TestScreenshots -screenshots $(CURDIR)/docs/images

test-fault: assets ## Test what survives faults, at length: kills, bad networks, failing API servers, random sequences, a soak
	go test -count=1 -timeout 4h ./test/fault -fault.full -fault.seed 0
	go test ./internal/publish/endpoint -run '^$$' -fuzz FuzzParse -fuzztime 10000x

cover: assets ## Write the coverage of the tests to bin/cover.html
	mkdir -p bin && go test -timeout 30m -coverprofile bin/cover.out -coverpkg ./cmd/...,./controllers/...,./internal/... ./...
	go tool cover -html bin/cover.out -o bin/cover.html

test-e2e: ## Run the end-to-end suite on a real hub in kind; test/e2e/doc.go lists its options
	go test -tags e2e -count=1 -timeout 40m -parallel 16 -v ./test/e2e $(E2E)

fuzz: ## Fuzz the kubeconfig parser and the CEL compiler, a minute each
	go test ./internal/publish/endpoint -run '^$$' -fuzz FuzzParse -fuzztime 1m
	go test ./internal/publish/cel -run '^$$' -fuzz FuzzCompile -fuzztime 1m

##@ Install
deploy: ## Install on the hub of the current kubeconfig, with a broker for ACCESS_NAMESPACES; images of REGISTRY and TAG must be there
	$(RELEASED) .ci/deploy

deploy-kind: ## Build the images, load them into the kind cluster of the current context, and install the chart; HELM="--values FILE" adds
	$(RELEASED) .ci/deploy-kind $(HELM)

undeploy: ## Withdraw every profile and uninstall; the ClusterProfile API stays
	$(RELEASED) .ci/undeploy

##@ Release
image: ## Build container images; PLATFORMS=linux/amd64,linux/arm64 builds and pushes for each, with buildx
	$(RELEASED) .ci/image

chart: ## Copy the CRDs into the chart, lint it, and render every combination of its values
	cp config/crd/bases/*.yaml charts/capi-inventory/crds/
	$(TOOL) kustomize build config/crd/clusterprofile >charts/capi-inventory/files/clusterprofile.yaml
	$(TOOL) helm lint --strict charts/capi-inventory
	go test ./test/chart

release-manifests: ## Write the manifests, the chart and clusterctl's files of a release into out/
	$(RELEASED) .ci/release

release-snapshot: ## Write all files of a release into out/, binaries and SBOMs too; nothing is signed or published
	$(RELEASED) .ci/release snapshot

release: ## Write all files of a release, sign their checksums, and make a draft of it on GitHub; publish calls it
	$(RELEASED) .ci/release draft

publish: ## Publish the tagged release: images, the chart and a draft on GitHub, all signed; for the workflow
	$(RELEASED) .ci/publish

test-release: ## Test what release-snapshot writes, and that another checkout of the commit gives the same bytes; takes many minutes
	go test -tags release -count=1 -timeout 60m -v ./test/release
