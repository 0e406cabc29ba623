{{- /* SPDX-FileCopyrightText: The capi-inventory authors */ -}}
{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /* How Inventories lead into spokes, and what the broker needs for it. */ -}}

{{- /* Not empty where the broker runs. */ -}}
{{- define "broker.runs" -}}
{{- if or (eq .Values.access.mode "scoped") .Values.broker.enabled -}}true{{- end -}}
{{- end -}}

{{- /*
The spec of an Inventory, given (list . spec). Scoped access is published into the release's namespace unless values say where:
beside a Cluster, a reader of Secrets could read the administrator's too. A namespace that values leave empty on purpose is beside the
Clusters in any mode; the API has no empty one.
*/ -}}
{{- define "inventory.spec" -}}
{{- $values := (index . 0).Values -}}
{{- $spec := deepCopy (index . 1 | default dict) -}}
{{- with $values.publisher.class -}}{{- $spec = merge (dict "publisherClass" .) $spec -}}{{- end -}}
{{- if and (eq $values.access.mode "scoped") (not (kindIs "slice" $spec.accessProviders)) -}}
{{- $account := deepCopy $values.access.serviceAccount -}}
{{- if not (or $account.clusterRoles $account.rules) -}}{{- $_ := set $account "clusterRoles" (list "view") -}}{{- end -}}
{{- if not $account.clusterRoles -}}{{- $account = omit $account "clusterRoles" -}}{{- end -}}
{{- $provider := dict "name" "kubeconfig-secretreader" "serviceAccount" $account -}}
{{- $_ := set $spec "accessProviders" (list $provider) -}}
{{- if not (or (hasKey $spec "namespace") $values.access.namespaces) -}}
{{- $_ := set $spec "namespace" (index . 0).Release.Namespace -}}
{{- end -}}
{{- end -}}
{{- if not $spec.namespace -}}{{- $spec = omit $spec "namespace" -}}{{- end -}}
{{- toYaml $spec -}}
{{- end -}}

{{- /* The serviceAccounts that the Inventories of the chart ask for, in JSON: inventory, namespace and tokenTTL of each. */ -}}
{{- define "access.wanted" -}}
{{- $wanted := list -}}
{{- range $inventory := .Values.inventories -}}
{{- $spec := include "inventory.spec" (list $ .spec) | fromYaml -}}
{{- range $spec.accessProviders -}}
{{- with .serviceAccount -}}
{{- $wanted = append $wanted (dict "inventory" $inventory.name "namespace" $spec.namespace "tokenTTL" (.tokenTTL | default "24h")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $wanted -}}
{{- end -}}

{{- /* The namespaces in which the broker grants access, separated by commas. */ -}}
{{- define "access.namespaces" -}}
{{- $namespaces := .Values.access.namespaces -}}
{{- range include "access.wanted" . | fromJsonArray -}}
{{- with .namespace -}}{{- $namespaces = append $namespaces . -}}{{- end -}}
{{- end -}}
{{- $namespaces | uniq | join "," -}}
{{- end -}}

{{- /* What the schema cannot refuse, because it looks at one value at a time. */ -}}
{{- define "access.check" -}}
{{- $runs := include "broker.runs" . -}}
{{- range include "access.wanted" . | fromJsonArray -}}
{{- if not $runs -}}
{{- fail (printf "inventories: %q asks for a serviceAccount, which takes a broker: set access.mode to scoped, or broker.enabled" .inventory) -}}
{{- else if not (or .namespace $.Values.access.namespaces) -}}
{{- fail (printf "access.namespaces: must list the namespaces of the Clusters where Inventory %q, which asks for a serviceAccount, names no namespace" .inventory) -}}
{{- end -}}
{{- end -}}
{{- if and $runs (not (include "access.namespaces" .)) -}}
{{- fail "access.namespaces: must list where the broker may write Secrets, because no Inventory of inventories names a namespace" -}}
{{- end -}}
{{- $timeout := include "seconds" .Values.broker.timeout | float64 -}}
{{- if or (lt $timeout 1.0) (gt $timeout 60.0) -}}{{- fail "broker.timeout: must be from 1s to 1m" -}}{{- end -}}
{{- if .Capabilities.APIVersions.Has "capi-inventory.dev/v1alpha1/Inventory" -}}
{{- include "inventories.checkLive" . -}}
{{- include "access.checkMove" . -}}
{{- end -}}
{{- end -}}

{{- /*
The class of an Inventory is immutable, and Helm takes none of another release: it would stop at that in the middle of an upgrade, when the
rest has the other class.
*/ -}}
{{- define "inventories.checkLive" -}}
{{- range .Values.inventories -}}
{{- $live := lookup "capi-inventory.dev/v1alpha1" "Inventory" "" .name -}}
{{- $wanted := dig "publisherClass" "" (include "inventory.spec" (list $ .spec) | fromYaml) -}}
{{- $is := dig "spec" "publisherClass" "" $live -}}
{{- $owner := dig "metadata" "annotations" "meta.helm.sh/release-name" "" $live -}}
{{- $namespace := dig "metadata" "annotations" "meta.helm.sh/release-namespace" "" $live -}}
{{- if and $owner (or (ne $owner $.Release.Name) (ne $namespace $.Release.Namespace)) -}}
{{- fail (printf "inventories: Inventory %q is of the release %s in the namespace %s: list another name" .name $owner $namespace) -}}
{{- end -}}
{{- if and $live (ne $wanted $is) -}}
{{- fail (printf "publisher.class: Inventory %q has the publisherClass %q, which cannot be changed to %q: delete it before, which withdraws its profiles, or list another name in inventories" .name $is $wanted) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* To change access moves no profile unless spec.namespace says where to: consumers would take it for another cluster. */ -}}
{{- define "access.checkMove" -}}
{{- range .Values.inventories -}}
{{- $live := lookup "capi-inventory.dev/v1alpha1" "Inventory" "" .name -}}
{{- $wanted := dig "namespace" "" (include "inventory.spec" (list $ .spec) | fromYaml) -}}
{{- $is := dig "spec" "namespace" "" $live -}}
{{- if and $live (not (hasKey (.spec | default dict) "namespace")) (ne $wanted $is) -}}
{{- $from := $is | default "the namespaces of their Clusters" -}}
{{- $to := $wanted | default "the namespaces of their Clusters" -}}
{{- fail (printf "inventories: the profiles of Inventory %q would move from %s to %s: set its spec.namespace to where they should be; %q leaves them where they are" .name $from $to $is) -}}
{{- end -}}
{{- end -}}
{{- end -}}
