// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokes

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/uuid"
	apirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// spoke is what one spoke has.
type spoke struct {
	mu       sync.Mutex
	revision int64
	// objects are never changed, only replaced: spokes share those that they have at first.
	objects  map[key]client.Object
	tokens   map[string]issued
	requests map[string]int
}

// key is where an object is. That of a namespace is in itself, as its path says.
type key struct {
	resource        schema.GroupResource
	namespace, name string
}

func newSpoke(objects []client.Object) (*spoke, error) {
	s := &spoke{objects: map[key]client.Object{}, tokens: map[string]issued{}, requests: map[string]int{}}
	for _, object := range objects {
		kind, err := apiutil.GVKForObject(object, scheme.Scheme)
		if err != nil {
			return nil, fmt.Errorf("finding the kind of an object: %w", err)
		}
		mapping, err := kinds.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return nil, fmt.Errorf("finding the resource of an object: %w", err)
		}
		s.objects[keyOf(mapping.Resource.GroupResource(), object)] = object
	}
	return s, nil
}

// namespaces is the resource of namespaces.
var namespaces = schema.GroupResource{Resource: "namespaces"}

func keyOf(resource schema.GroupResource, object client.Object) key {
	k := key{resource: resource, namespace: object.GetNamespace(), name: object.GetName()}
	if resource == namespaces {
		k.namespace = k.name
	}
	return k
}

func (s *spoke) count(r *apirequest.RequestInfo) {
	kind := r.Verb + " " + cmp.Or(r.Resource, r.Path)
	if r.Subresource != "" {
		kind += "/" + r.Subresource
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[kind]++
}

func (s *spoke) counted() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// do does what is asked, if the user may, and returns the answer.
func (s *spoke) do(r request) (runtime.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resource := r.resource().GroupResource()
	switch {
	case r.user == "":
		return nil, apierrors.NewUnauthorized("Unauthorized")
	case r.Verb == "create" && r.Resource == "selfsubjectreviews":
		return review(r.user), nil
	case r.user != administrator:
		return nil, apierrors.NewForbidden(resource, r.Name, errors.New("only the administrator may do that"))
	case r.Verb == "create" && r.Resource == "serviceaccounts" && r.Subresource == "token":
		return s.issue(r)
	case r.Subresource != "":
		return nil, apierrors.NewMethodNotSupported(resource, r.Verb+" "+r.Subresource)
	}
	switch r.Verb {
	case "get":
		return s.get(r)
	case "list":
		return s.list(r)
	case "create":
		return s.create(r)
	case "update":
		return s.update(r)
	case "delete":
		return s.delete(r)
	}
	return nil, apierrors.NewMethodNotSupported(resource, r.Verb)
}

func (s *spoke) get(r request) (client.Object, error) {
	object, found := s.objects[r.key()]
	if !found {
		return nil, r.notFound()
	}
	// To encode an object changes it.
	return copyOf(object), nil
}

func (s *spoke) list(r request) (client.ObjectList, error) {
	selector, err := labels.Parse(r.LabelSelector)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	list, err := newList(r.resource())
	if err != nil {
		return nil, err
	}
	items := []runtime.Object{}
	for k, object := range s.objects {
		inNamespace := r.Namespace == "" || k.namespace == r.Namespace
		if k.resource == r.resource().GroupResource() && inNamespace && selector.Matches(labels.Set(object.GetLabels())) {
			items = append(items, copyOf(object))
		}
	}
	list.SetResourceVersion(strconv.FormatInt(s.revision, 10))
	return list, meta.SetList(list, items)
}

func (s *spoke) create(r request) (client.Object, error) {
	object, err := decode[client.Object](r)
	if err != nil {
		return nil, err
	}
	object.SetNamespace(r.Namespace)
	k := keyOf(r.resource().GroupResource(), object)
	if _, found := s.objects[key{namespaces, r.Namespace, r.Namespace}]; r.Namespace != "" && !found {
		return nil, apierrors.NewNotFound(namespaces, r.Namespace)
	}
	if _, found := s.objects[k]; found {
		return nil, apierrors.NewAlreadyExists(k.resource, k.name)
	}
	object.SetUID(uuid.NewUUID())
	object.SetCreationTimestamp(metav1.Now())
	return s.put(k, object), nil
}

func (s *spoke) update(r request) (client.Object, error) {
	object, err := decode[client.Object](r)
	if err != nil {
		return nil, err
	}
	live, found := s.objects[r.key()]
	switch version := object.GetResourceVersion(); {
	case !found:
		return nil, r.notFound()
	case version != "" && version != live.GetResourceVersion():
		return nil, r.conflict()
	}
	object.SetUID(live.GetUID())
	object.SetCreationTimestamp(live.GetCreationTimestamp())
	return s.put(r.key(), object), nil
}

func (s *spoke) put(k key, object client.Object) client.Object {
	s.revision++
	object.SetResourceVersion(strconv.FormatInt(s.revision, 10))
	s.objects[k] = object
	return copyOf(object)
}

// delete deletes an object at once, and with a namespace everything in it.
func (s *spoke) delete(r request) (runtime.Object, error) {
	options := &metav1.DeleteOptions{}
	if len(r.body) > 0 {
		decoded, err := decode[*metav1.DeleteOptions](r)
		if err != nil {
			return nil, err
		}
		options = decoded
	}
	live, found := s.objects[r.key()]
	if !found {
		return nil, r.notFound()
	}
	if must := options.Preconditions; must != nil {
		otherUID := must.UID != nil && *must.UID != live.GetUID()
		if otherUID || must.ResourceVersion != nil && *must.ResourceVersion != live.GetResourceVersion() {
			return nil, r.conflict()
		}
	}
	delete(s.objects, r.key())
	if r.key().resource == namespaces {
		maps.DeleteFunc(s.objects, func(k key, _ client.Object) bool { return k.namespace == r.Name })
	}
	return &metav1.Status{Status: metav1.StatusSuccess}, nil
}

func (r request) conflict() error {
	return apierrors.NewConflict(r.resource().GroupResource(), r.Name, errors.New("the object has been modified"))
}

func copyOf(object client.Object) client.Object {
	copied, _ := object.DeepCopyObject().(client.Object)
	return copied
}
