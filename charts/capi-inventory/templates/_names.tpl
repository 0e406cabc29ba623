{{- /* SPDX-FileCopyrightText: The capi-inventory authors */ -}}
{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- define "fullname" -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride }}
{{- else if contains "capi-inventory" .Release.Name -}}{{ .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-capi-inventory" .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- /* What concerns one component is given (list . "publisher") or (list . "consumer"). */ -}}
{{- define "component" -}}{{ include "fullname" (index . 0) }}-{{ index . 1 }}{{- end -}}

{{- define "selector" -}}
app.kubernetes.io/name: capi-inventory
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "labels" -}}
app.kubernetes.io/name: capi-inventory
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: capi-inventory
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "componentLabels" -}}
{{ include "labels" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "serviceAccount" -}}
{{- $account := (get (index . 0).Values (index . 1)).serviceAccount -}}
{{- if $account.create -}}{{ $account.name | default (include "component" .) }}
{{- else -}}{{ required (printf "%s.serviceAccount.name: must be set where create is false" (index . 1)) $account.name }}
{{- end -}}
{{- end -}}

{{- define "image" -}}
{{- $image := (index . 0).Values.image -}}
{{- $own := (get (index . 0).Values (index . 1)).image -}}
{{ $image.registry }}/{{ $own.repository }}
{{- if $own.digest }}@{{ $own.digest }}{{ else }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}{{ end }}
{{- end -}}

{{- /* What is installed: the publisher always. */ -}}
{{- define "components" -}}
publisher{{ if .Values.consumer.enabled }} consumer{{ end }}
{{- end -}}

{{- /* The Lease of the publisher: each class has its own, under which installations find one another. */ -}}
{{- define "publisherLease" -}}
publisher{{ with .Values.publisher.class }}-{{ . }}{{ end }}.capi-inventory.dev
{{- end -}}
