{{- /* SPDX-FileCopyrightText: The capi-inventory authors */ -}}
{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- define "fullname" -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride }}
{{- else if contains "capi-inventory" .Release.Name -}}{{ .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-capi-inventory" .Release.Name | replace "." "-" | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- /* What concerns one component is given (list . "publisher"), (list . "consumer") or (list . "broker"). */ -}}
{{- define "component" -}}{{ include "fullname" (index . 0) }}-{{ index . 1 }}{{- end -}}

{{- define "selector" -}}
app.kubernetes.io/name: capi-inventory
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "labels" -}}
app.kubernetes.io/name: capi-inventory
app.kubernetes.io/instance: {{ .Release.Name | quote }}
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
publisher{{ if .Values.consumer.enabled }} consumer{{ end }}{{ if include "broker.runs" . }} broker{{ end }}
{{- end -}}

{{- /* The Lease of the publisher: each class has its own, under which installations find one another. */ -}}
{{- define "publisherLease" -}}
publisher{{ with .Values.publisher.class }}-{{ . }}{{ end }}.capi-inventory.dev
{{- end -}}

{{- define "brokerLease" -}}
capi-inventory-broker{{ with .Values.publisher.class }}-{{ . }}{{ end }}
{{- end -}}

{{- /* The field manager of SpokeChecks and the consumer's Lease: with one name, the consumers of two releases would overwrite each other's
       SpokeChecks without a conflict. */ -}}
{{- define "consumerName" -}}
{{- with .Values.consumer.name }}{{ . }}{{ else }}capi-inventory-consumer{{ with .Values.publisher.class }}-{{ . }}{{ end }}{{ end }}
{{- end -}}

{{- /* The seconds of a duration as Go writes it, such as 1h30m. */ -}}
{{- define "seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 -}}
{{- $total := 0.0 -}}
{{- range regexFindAll "[0-9.]+(ms|s|m|h)" . -1 -}}
{{- $total = addf $total (mulf (regexFind "^[0-9.]+" .) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{ $total }}
{{- end -}}

{{- /* After how many seconds without a probe a spoke is late: three times the longest pause that the consumer makes, which is a
       heartbeat, or an interval with its jitter where that is longer. */ -}}
{{- define "oldestProbeSeconds" -}}
{{- $pause := maxf (include "seconds" .Values.consumer.heartbeat) (mulf 1.1 (include "seconds" .Values.consumer.interval)) -}}
{{- .Values.metrics.rules.oldestProbeSeconds | default (mulf 3 $pause | ceil) | int64 -}}
{{- end -}}
