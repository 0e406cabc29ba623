{{- /* SPDX-FileCopyrightText: The capi-inventory authors */ -}}
{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /* The parts of a pod that all components share. */ -}}

{{- define "podMetadata" -}}
{{- $values := get (index . 0).Values (index . 1) -}}
labels:
  {{- include "selector" . | nindent 2 }}
  {{- with $values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
annotations:
  kubectl.kubernetes.io/default-container: manager
  {{- with $values.podAnnotations }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end -}}

{{- /* What every pod has that runs a component's image, the publisher's Job at the end included. */ -}}
{{- define "podFrame" -}}
{{- $values := get (index . 0).Values (index . 1) -}}
securityContext:
  {{- toYaml (index . 0).Values.podSecurityContext | nindent 2 }}
{{- with (index . 0).Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
{{ toYaml . }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "podPlacement" -}}
serviceAccountName: {{ include "serviceAccount" . | quote }}
{{ include "podFrame" . }}
{{- $selector := include "selector" . }}
{{- with (get (index . 0).Values (index . 1)).topologySpread }}
topologySpreadConstraints:
{{- range . }}
- {{ toYaml . | nindent 2 | trim }}
  labelSelector:
    matchLabels:
      {{- $selector | nindent 6 }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* Everything of a container but its arguments, environment and mounts. Given (list . component healthPort). */ -}}
{{- define "containerFrame" -}}
{{- $values := get (index . 0).Values (index . 1) -}}
ports:
- name: metrics
  containerPort: 8443
- name: health
  containerPort: {{ index . 2 }}
livenessProbe:
  httpGet:
    path: /healthz
    port: health
readinessProbe:
  httpGet:
    path: /readyz
    port: health
{{- with $values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml (index . 0).Values.securityContext | nindent 2 }}
{{- end -}}

{{- /* A hook of `helm uninstall`, of the weight given. What one leaves behind when it fails goes with the next attempt. */ -}}
{{- define "uninstallHook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
