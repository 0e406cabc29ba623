// SPDX-FileCopyrightText: The capi-inventory authors
// SPDX-License-Identifier: Apache-2.0

package spokes

import (
	"io"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta/testrestmapper"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/endpoints/handlers/negotiation"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	apirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// kinds maps the resources of all built-in kinds.
var kinds = testrestmapper.TestOnlyStaticRESTMapper(scheme.Scheme)

// request is what a user asks of a spoke.
type request struct {
	*apirequest.RequestInfo
	user string
	body []byte
}

func (r request) resource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: r.APIGroup, Version: r.APIVersion, Resource: r.Resource}
}

func (r request) key() key {
	return key{resource: r.resource().GroupResource(), namespace: r.Namespace, name: r.Name}
}

func (r request) notFound() error { return apierrors.NewNotFound(r.resource().GroupResource(), r.Name) }

// decode reads an object from the body, in any encoding of the API.
func decode[T runtime.Object](r request) (T, error) {
	var none T
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(r.body, nil, nil)
	if err != nil {
		return none, apierrors.NewBadRequest(err.Error())
	}
	typed, isWanted := object.(T)
	if !isWanted {
		return none, apierrors.NewBadRequest("the body is of another kind than the path")
	}
	return typed, nil
}

// newList returns an empty list of a resource's kind.
func newList(of schema.GroupVersionResource) (client.ObjectList, error) {
	kind, err := kinds.KindFor(of)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	list, err := scheme.Scheme.New(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	typed, _ := list.(client.ObjectList)
	return typed, nil
}

// answerPath answers what is not about objects, as an API server does that is ready.
func answerPath(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/readyz":
		_, _ = io.WriteString(w, "ok")
	case "/version":
		responsewriters.WriteRawJSON(http.StatusOK, version.Info{GitVersion: Version}, w)
	default:
		http.NotFound(w, r)
	}
}

// answer writes an object, or an error if there is one, as an API server does: in the encoding that the client asks for.
func answer(w http.ResponseWriter, r *http.Request, object runtime.Object, err error) {
	if err != nil {
		responsewriters.ErrorNegotiated(err, scheme.Codecs, schema.GroupVersion{Version: "v1"}, w, r)
		return
	}
	// A TokenRequest has another version than its path.
	of, _, err := scheme.Scheme.ObjectKinds(object)
	if err != nil {
		responsewriters.InternalError(w, r, err)
		return
	}
	code := http.StatusOK
	if r.Method == http.MethodPost {
		code = http.StatusCreated
	}
	unrestricted := negotiation.DefaultEndpointRestrictions
	responsewriters.WriteObjectNegotiated(scheme.Codecs, unrestricted, of[0].GroupVersion(), w, r, code, object, false)
}
