// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package cel

import (
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/cel/environment"
)

// compatibility is the version of Kubernetes whose environment is extended. What is offered is API: raising the version adds
// functions, and none may go. A newer k8s.io/apiserver leaves it as it is.
var compatibility = version.MajorMinor(1, 33)

// newEnvironment is what ValidatingAdmissionPolicies of Kubernetes 1.36 offer, and base64. A test holds it to that.
func newEnvironment() (*cel.Env, error) {
	set, err := environment.MustBaseEnvSet(compatibility).Extend(environment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0),
		EnvOptions: []cel.EnvOption{
			cel.Variable(Cluster, cel.DynType),
			cel.Variable(ControlPlane, cel.DynType),
			cel.Variable(Infrastructure, cel.DynType),
			cel.ParserExpressionSizeLimit(maxSource + len("dyn(\n)")),
			cel.ASTValidators(mixedLiterals{}),
			// What 1.34 has added, and nothing has been since. There, the cost trackers of its overloads are put into a map for
			// each evaluation, which takes longer than most expressions; here they have a price (price.go).
			ext.Lists(ext.ListsVersion(2)),
			// Kubernetes has no base64, and the certificates that providers keep are encoded.
			ext.Encoders(ext.EncodersVersion(0)),
			cel.CustomTypeAdapter(adapter{}),
		},
	})
	if err != nil {
		return nil, err
	}
	// This one is pinned; that for stored expressions has whatever the library knows.
	return set.NewExpressionsEnv(), nil
}
