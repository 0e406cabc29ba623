# SPDX-FileCopyrightText: The capi-inventory authors
# SPDX-License-Identifier: Apache-2.0

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MODULE := github.com/capi-inventory/capi-inventory
TOOL := go tool -modfile=go.tools.mod
UPSTREAM := sigs.k8s.io/cluster-inventory-api
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REVISION := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
STAMP := -X $(MODULE)/internal/version.value=$(VERSION)
# Where images are pushed to and pulled from, and what a release calls itself where git has no tag for it.
REGISTRY ?= ghcr.io/capi-inventory
TAG ?= $(VERSION)
RELEASE ?= $(if $(filter v%,$(VERSION)),$(VERSION),v0.1.0-g$(VERSION))
ARCH ?= $(shell go env GOARCH)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what each target does
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

.PHONY: build
build: ## Build the binaries, and upstream's credential plugin, into bin/
	go build -ldflags '$(STAMP)' -o bin/ ./cmd/...
	go build -o bin/kubeconfig-secretreader $(UPSTREAM)/plugins/kubeconfig-secretreader/cmd/plugin

.PHONY: krew
krew: ## Package kubectl-inventory for krew into bin/krew/; VERSION=v1.2.3 for a release
	go run ./internal/krew/generate -version $(RELEASE)

.PHONY: demo
demo: assets build ## Tell the whole story on real API servers; DEMO_ONCE=1 ends after it
	@go build -o bin/demo ./test/demo && exec bin/demo

.PHONY: bench
bench: assets build ## Measure what publishing costs, on a real API server; BENCH="-clusters 1000" for less
	@go build -o bin/bench ./test/bench && exec bin/bench $(BENCH)

.PHONY: assets
assets: ## Get etcd and kube-apiserver: $KUBEBUILDER_ASSETS, else a download, else a build
	@go run ./test/assets/provide >/dev/null

.PHONY: generate
generate: ## Generate deep copies, CRDs, roles and apply configurations
	$(TOOL) controller-gen object:headerFile=.ci/header.txt paths=./api/v1alpha1
	$(TOOL) controller-gen crd paths=./api/v1alpha1 output:crd:dir=config/crd/bases
	$(TOOL) controller-gen rbac:roleName=capi-inventory-publisher paths=./controllers/publisher output:rbac:dir=config/rbac/publisher
	$(TOOL) controller-gen rbac:roleName=capi-inventory-consumer paths=./controllers/spokecheck output:rbac:dir=config/rbac/consumer
	install -m 644 "$$(go list -m -f '{{.Dir}}' $(UPSTREAM))/config/crd/bases/multicluster.x-k8s.io_clusterprofiles.yaml" config/crd/clusterprofile/upstream.yaml
	rm -rf api/applyconfiguration
	$(TOOL) applyconfiguration-gen --go-header-file .ci/header.txt --output-dir api/applyconfiguration \
		--output-pkg $(MODULE)/api/applyconfiguration $(UPSTREAM)/apis/v1alpha1 $(MODULE)/api/v1alpha1
	# One folder for each API group and nothing we do not use; upstream's package does not name its group, so the generator takes its folder for it.
	cd api/applyconfiguration && mv apis multicluster && mv api inventory && rm -r internal utils.go && rm multicluster/v1alpha1/{placementdecision,clusterdecision,clusterprofilereference}.go
	perl -pi -e 's#"apis/v1alpha1"#"multicluster.x-k8s.io/v1alpha1"#' api/applyconfiguration/multicluster/v1alpha1/clusterprofile.go

.PHONY: test
test: assets ## Test everything, with the race detector, against real API servers
	go test -race -timeout 30m ./...

.PHONY: test-e2e
test-e2e: ## Tell every story on a real hub in kind; test/e2e/doc.go says with which options
	go test -tags e2e -count=1 -timeout 40m -parallel 16 -v ./test/e2e $(E2E)

.PHONY: fuzz
fuzz: ## Fuzz the kubeconfig parser and the CEL compiler, a minute each
	go test ./internal/kubeconfig -run '^$$' -fuzz FuzzParse -fuzztime 1m
	go test ./internal/expression -run '^$$' -fuzz FuzzCompile -fuzztime 1m

.PHONY: lint
lint: ## Lint: style, errors, and the arrows of the architecture
	$(TOOL) golangci-lint run ./...

.PHONY: fmt
fmt: ## Format the code
	$(TOOL) golangci-lint fmt ./...

.PHONY: verify
verify: generate ## Check that what is generated, tidied and formatted is what is committed, and lint
	go mod tidy
	git diff --exit-code
	@test -z "$$(git status --porcelain)" || { git status --short; exit 1; }
	$(MAKE) lint

.PHONY: static
static:
	GOOS=linux GOARCH=$(ARCH) CGO_ENABLED=0 go build -trimpath -ldflags '-s -w $(STAMP)' -o bin/static/$(ARCH)/ ./cmd/publisher ./cmd/consumer
	for plugin in secretreader kubeconfig-secretreader; do GOOS=linux GOARCH=$(ARCH) CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/static/$(ARCH)/plugins/$$plugin $(UPSTREAM)/plugins/$$plugin/cmd/plugin; done
	cd image/roots && go run . >../../bin/static/ca-certificates.crt

.PHONY: image
ifdef PLATFORMS
image: ## Build container images; PLATFORMS=linux/amd64,linux/arm64 builds and pushes for each, with buildx
	for binary in publisher consumer; do docker buildx build --push --platform $(PLATFORMS) --target $$binary --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t $(REGISTRY)/$$binary:$(TAG) .; done
else
image: static
	for binary in publisher consumer; do docker build --target $$binary-outside --build-arg TARGETARCH=$(ARCH) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t $(REGISTRY)/$$binary:$(TAG) .; done
endif

# The manifests of a folder, with the images of this REGISTRY and TAG.
manifests = $(TOOL) kustomize build $(1) | sed -E 's;ghcr.io/capi-inventory/(publisher|consumer):latest;$(REGISTRY)/\1:$(2);'

.PHONY: deploy
deploy: ## Install on the hub of the current kubeconfig; the images of REGISTRY and TAG must be there
	kubectl get crd clusterprofiles.multicluster.x-k8s.io >/dev/null 2>&1 || kubectl apply --server-side -k config/crd/clusterprofile
	$(call manifests,config/default,$(TAG)) | kubectl apply --server-side -f -
	kubectl wait --for=condition=Established --timeout=1m crd/inventories.capi-inventory.dev
	kubectl apply --server-side -k config/samples

.PHONY: undeploy
undeploy: ## Withdraw every profile and uninstall; the ClusterProfile API stays
	go run ./cmd/publisher withdraw --leader-election-namespace=capi-inventory-system
	kubectl delete --ignore-not-found -k config/rbac/consumer-secrets
	$(call manifests,config/default,$(TAG)) | kubectl delete --ignore-not-found -f -

.PHONY: chart
chart: ## Copy the CRDs into the chart, lint it, and render every combination of its values
	cp config/crd/bases/*.yaml charts/capi-inventory/crds/
	$(TOOL) kustomize build config/crd/clusterprofile >charts/capi-inventory/files/clusterprofile.yaml
	$(TOOL) helm lint --strict charts/capi-inventory
	go test ./test/chart

.PHONY: release
release: ## Write what a release carries into out/: manifests, the chart, and clusterctl's files
	rm -rf out && mkdir out
	$(call manifests,config/default,$(RELEASE)) >out/install.yaml
	$(call manifests,config/clusterctl,$(RELEASE)) >out/addon-components.yaml
	$(call manifests,config/crd/clusterprofile,$(RELEASE)) >out/clusterprofile.yaml
	cp config/clusterctl/metadata.yaml out/
	$(TOOL) helm package charts/capi-inventory --destination out --version $(RELEASE:v%=%) --app-version $(RELEASE)

.PHONY: clean
clean: ## Remove what the build has made here; the assets in the user's cache stay
	rm -rf bin out _artifacts
