// Pins the providers whose CustomResourceDefinitions the tests install: the files of their modules and none of their code. A
// module of its own, so that none of them reaches the dependencies of the project. There is no Go here, so `go mod tidy` would
// empty it; after a change of version run `go mod download` in this folder, which keeps go.sum.
module github.com/capi-inventory/capi-inventory/test/providers

go 1.26.0

require (
	github.com/clastix/kamaji v1.0.0
	sigs.k8s.io/cluster-api-provider-aws/v2 v2.10.0
	sigs.k8s.io/cluster-api-provider-azure v1.21.0
	sigs.k8s.io/cluster-api-provider-gcp v1.10.0
)
