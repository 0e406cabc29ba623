// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
)

const (
	// maxSource is the length of the longest expression, as in the CRD.
	maxSource = 4096
	// maxOptionalMaps bounds optMap and optFlatMap: each of these macros copies the expression before it, so a chain of them
	// doubles with every link while it is parsed.
	maxOptionalMaps = 6
)

// compatibility is the version of Kubernetes whose functions are offered. They are API: raising it adds functions, and none
// may go. A newer k8s.io/apiserver leaves it as it is.
var compatibility = version.MajorMinor(1, 33)

// newEnvironment is what ValidatingAdmissionPolicies of that version offer, and base64.
func newEnvironment() (*cel.Env, error) {
	set, err := environment.MustBaseEnvSet(compatibility).Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions: []cel.EnvOption{
			cel.Variable(Cluster, cel.DynType),
			cel.Variable(ControlPlane, cel.DynType),
			cel.Variable(Infrastructure, cel.DynType),
			cel.ParserExpressionSizeLimit(maxSource + len("dyn(\n)")),
			cel.ASTValidators(mixedLiterals{}),
			// Kubernetes has no base64, and the certificates that providers keep are encoded.
			ext.Encoders(ext.EncodersVersion(0)),
			ext.Lists(ext.ListsVersion(2)),
			cel.CustomTypeAdapter(adapter{}),
		},
	})
	if err != nil {
		return nil, err
	}
	// Those that are stored are compiled with newer functions as well; here one environment is enough.
	return set.NewExpressionsEnv(), nil
}
