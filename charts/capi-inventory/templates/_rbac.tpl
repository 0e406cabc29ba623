{{- /* SPDX-FileCopyrightText: The capi-inventory authors */ -}}
{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /*
The rules of config/rbac, cut where a Role can take the place of a ClusterRole. A test adds the parts up and compares.
*/ -}}

{{- /* Namespaces and Inventories have no namespace; profiles are looked for wherever an earlier setting may have put them. */ -}}
{{- define "rules.publisher.hub" -}}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
- apiGroups: [capi-inventory.dev]
  resources: [inventories]
  verbs: [get, list, patch, watch]
- apiGroups: [capi-inventory.dev]
  resources: [inventories/status]
  verbs: [patch]
- apiGroups: [multicluster.x-k8s.io]
  resources: [clusterprofiles]
  verbs: [get, list, watch]
- apiGroups: [capi-inventory.dev]
  resources: [accessgrants, spokechecks]
  verbs: [get, list, watch]
# Whether Cluster API runs, and whether another publisher does.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [controller-leader-election-capi]
  verbs: [list]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "publisherLease" . }}]
  verbs: [list]
{{- end -}}

{{- /* Where Clusters are, and so their Secrets and what they refer to. */ -}}
{{- define "rules.publisher.clusters" -}}
- apiGroups: [cluster.x-k8s.io]
  resources: [clusters]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
- apiGroups: [controlplane.cluster.x-k8s.io, infrastructure.cluster.x-k8s.io]
  resources: ["*"]
  verbs: [get, list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- /* Where profiles are published. */ -}}
{{- define "rules.publisher.profiles" -}}
- apiGroups: [multicluster.x-k8s.io]
  resources: [clusterprofiles]
  verbs: [create, delete, patch]
- apiGroups: [multicluster.x-k8s.io]
  resources: [clusterprofiles/status]
  verbs: [patch]
- apiGroups: [capi-inventory.dev]
  resources: [accessgrants]
  verbs: [create, delete, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "rules.consumer" -}}
- apiGroups: [multicluster.x-k8s.io]
  resources: [clusterprofiles]
  verbs: [get, list, watch]
- apiGroups: [capi-inventory.dev]
  resources: [spokechecks]
  verbs: [create, delete, get, list, patch, watch]
- apiGroups: [capi-inventory.dev]
  resources: [spokechecks/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "rules.broker.hub" -}}
- apiGroups: [capi-inventory.dev]
  resources: [inventories]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- end -}}

{{- /* Where Clusters are, and so the kubeconfigs with which it enters spokes: by name, and never cached. */ -}}
{{- define "rules.broker.clusters" -}}
- apiGroups: [cluster.x-k8s.io]
  resources: [clusters]
  verbs: [get]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end -}}

{{- /* Where access is granted. */ -}}
{{- define "rules.broker.grants" -}}
- apiGroups: [capi-inventory.dev]
  resources: [accessgrants]
  verbs: [get, list, patch, watch]
- apiGroups: [capi-inventory.dev]
  resources: [accessgrants/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [multicluster.x-k8s.io]
  resources: [clusterprofiles]
  verbs: [get, list, watch]
{{- end -}}

{{- define "rules.broker.namespace" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, delete, get, list, update, watch]
- apiGroups: [multicluster.x-k8s.io]
  resources: [clusterprofiles/status]
  verbs: [patch]
{{- end -}}

{{- /* To ask the hub who scrapes, and whether he may. */ -}}
{{- define "rules.metrics" -}}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end -}}

{{- /* Given the name of the component's own Lease. A creation cannot be limited to a name. */ -}}
{{- define "rules.leaderElection" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ . | quote }}]
  verbs: [get, update]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- define "rules.secrets" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end -}}

{{- /* A ClusterRole and its binding. Given (list . component name rules). */ -}}
{{- define "clusterRole" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ index . 2 }}
  labels:
    {{- include "componentLabels" . | nindent 4 }}
rules:
{{ index . 3 }}
{{- include "clusterRoleBinding" . }}
{{- end -}}

{{- define "clusterRoleBinding" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ index . 2 }}
  labels:
    {{- include "componentLabels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ index . 2 }}
subjects:
- kind: ServiceAccount
  name: {{ include "serviceAccount" . | quote }}
  namespace: {{ (index . 0).Release.Namespace | quote }}
{{- end -}}

{{- /* A Role in a namespace, and its binding. Given (list . component name rules namespace). */ -}}
{{- define "role" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ index . 2 }}
  namespace: {{ index . 4 | quote }}
  labels:
    {{- include "componentLabels" . | nindent 4 }}
rules:
{{ index . 3 }}
{{- include "roleBinding" (concat . (list "Role")) }}
{{- end -}}

{{- /* Given (list . component name rules namespace kind), of which the kind is that of the role. */ -}}
{{- define "roleBinding" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ index . 2 }}
  namespace: {{ index . 4 | quote }}
  labels:
    {{- include "componentLabels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ index . 5 }}
  name: {{ index . 2 }}
subjects:
- kind: ServiceAccount
  name: {{ include "serviceAccount" . | quote }}
  namespace: {{ (index . 0).Release.Namespace | quote }}
{{- end -}}
