// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// firstListsTimeout is how long a controller waits for its first lists before the program ends with an error. controller-runtime waits for
// two minutes by default, in which an API server that is busy does not list 100,000 Clusters: the next start would list them again, and
// no start would ever succeed.
const firstListsTimeout = 15 * time.Minute

// NewCache returns a cache of objects of the hub, whose lists may take as long as controllers wait for them.
func NewCache(config *rest.Config, options cache.Options) (cache.Cache, error) {
	options.NewInformer = newInformer
	return cache.New(config, options)
}

// newInformer returns an informer as client-go makes it, which asks for other watches.
func newInformer(
	source toolscache.ListerWatcher, object runtime.Object, resync time.Duration, indexers toolscache.Indexers,
) toolscache.SharedIndexInformer {
	from := toolscache.ToListerWatcherWithContext(source)
	return toolscache.NewSharedIndexInformer(&toolscache.ListWatch{
		ListWithContextFunc: from.ListWithContext,
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return from.WatchWithContext(ctx, untilListed(options))
		},
	}, object, resync, indexers)
}

// untilListed returns the options of a watch with time enough for the list that it begins with (KEP-3157, streaming lists). client-go has
// the API server end every watch after five to ten minutes: one that is not through the list by then begins it again.
func untilListed(options metav1.ListOptions) metav1.ListOptions {
	if ptr.Deref(options.SendInitialEvents, false) {
		options.TimeoutSeconds = ptr.To(int64(firstListsTimeout.Seconds()))
	}
	return options
}
