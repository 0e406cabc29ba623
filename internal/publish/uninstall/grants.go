// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package uninstall

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
	"github.com/capi-inventory/capi-inventory/internal/printable"
)

const (
	// maxGrants is how many grants of an Inventory an error lists.
	maxGrants = 10
	// maxReason is the maximal length of the reason of one in bytes.
	maxReason = 512
)

// grantAdvice is what to do about grants that are left.
const grantAdvice = `
The broker revokes access. Is it running, does it serve the namespaces of these AccessGrants, and does it reach the spokes? Its log has
the reason. To give up on a spoke, remove the finalizer ` + v1alpha1.FinalizerGrant + ` by hand:
  kubectl patch accessgrant -n NAMESPACE NAME --type=merge -p '{"metadata":{"finalizers":null}}'
What stays on the spoke is the namespace capi-inventory-<digest> with the ServiceAccount, and the roles and bindings with the label
` + v1alpha1.LabelGrant + `, which are then yours to delete there.`

// describeGrants describes grants in a part of a sentence.
func describeGrants(grants []v1alpha1.AccessGrant) string {
	if len(grants) == 1 {
		return "1 AccessGrant is not revoked yet: " + describeGrant(&grants[0])
	}
	return fmt.Sprintf("%d AccessGrants are not revoked yet: %s, and %d more", len(grants), describeGrant(&grants[0]), len(grants)-1)
}

// listGrants returns a line for each of several grants, up to maxGrants.
func listGrants(grants []v1alpha1.AccessGrant) (lines []string) {
	if len(grants) < 2 {
		return nil
	}
	for i := range grants[:min(len(grants), maxGrants)] {
		lines = append(lines, describeGrant(&grants[i]))
	}
	if more := len(grants) - maxGrants; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more: kubectl get accessgrants -A", more))
	}
	return lines
}

// describeGrant returns the name of a grant, why it is not revoked, and where its access is on the spoke.
func describeGrant(grant *v1alpha1.AccessGrant) string {
	where := ""
	if account, ok := strings.CutPrefix(grant.Status.User, "system:serviceaccount:"); ok {
		namespace, _, _ := strings.Cut(account, ":")
		where = ", in the spoke's namespace " + printable.Line(namespace, 63)
	}
	return fmt.Sprintf("%s/%s (%s)%s", grant.Namespace, grant.Name, printable.Line(whyLeft(grant), maxReason), where)
}

// whyLeft returns why a grant is not revoked.
func whyLeft(grant *v1alpha1.AccessGrant) string {
	ready := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionReady)
	degraded := meta.FindStatusCondition(grant.Status.Conditions, v1alpha1.ConditionDegraded)
	switch {
	case grant.DeletionTimestamp.IsZero():
		return "it is deleted after its profile"
	case degraded != nil && degraded.Status == metav1.ConditionTrue:
		return degraded.Reason + ": " + degraded.Message
	case ready != nil && ready.Reason == v1alpha1.ReasonRevoking:
		return ready.Reason + ": " + ready.Message
	}
	return "no broker has answered"
}
