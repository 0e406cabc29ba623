// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/capi-inventory/capi-inventory/api/v1alpha1"
)

func (s *spokeChecks) handler() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: s.notify,
		UpdateFunc: func(before, after any) {
			old, wasCheck := before.(*v1alpha1.SpokeCheck)
			current, isCheck := after.(*v1alpha1.SpokeCheck)
			if wasCheck && isCheck && spokeCheckChanged(old, current, s.clock.Now()) {
				s.notify(after)
			}
		},
		DeleteFunc: s.notify,
	}
}

func (s *spokeChecks) notify(object any) {
	name, err := toolscache.DeletionHandlingObjectToName(object)
	if err != nil {
		return
	}
	select {
	case s.changed <- event.TypedGenericEvent[types.NamespacedName]{Object: name.AsNamespacedName()}:
	case <-s.done:
	}
}

// spokeCheckChanged reports whether a profile may follow a SpokeCheck: it says something else, or says it again after a silence. That
// it says the same again is read when the silence would have begun.
func spokeCheckChanged(before, after *v1alpha1.SpokeCheck, now time.Time) bool {
	was := meta.FindStatusCondition(before.Status.Conditions, v1alpha1.ConditionReachable)
	is := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionReachable)
	if was == nil || is == nil {
		return was != is
	}
	return before.UID != after.UID || !equality.Semantic.DeepEqual(before.OwnerReferences, after.OwnerReferences) ||
		was.Status != is.Status || was.Reason != is.Reason || !was.LastTransitionTime.Equal(&is.LastTransitionTime) ||
		before.Status.KubernetesVersion != after.Status.KubernetesVersion ||
		before.Status.Server != after.Status.Server ||
		before.Status.Silent(now, 0) && !after.Status.Silent(now, 0)
}
