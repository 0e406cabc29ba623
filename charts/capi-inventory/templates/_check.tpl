{{- /* SPDX-FileCopyrightText: The capi-inventory authors */ -}}
{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /* What the schema cannot refuse, because it looks at one value at a time. */ -}}

{{- /* Given (list field values key): no two of the values have the same key. */ -}}
{{- define "refuseTwice" -}}
{{- $seen := dict -}}
{{- $field := index . 0 -}}
{{- $key := index . 2 -}}
{{- range index . 1 -}}
{{- $value := get . $key -}}
{{- if hasKey $seen $value -}}{{- fail (printf "%s: %q is there twice" $field $value) -}}{{- end -}}
{{- $_ := set $seen $value true -}}
{{- end -}}
{{- end -}}

{{- define "consumer.check" -}}
{{- $values := .Values.consumer -}}
{{- include "refuseTwice" (list "consumer.providers" $values.providers "name") -}}
{{- include "refuseTwice" (list "consumer.pluginImages" $values.pluginImages "name") -}}
{{- include "refuseTwice" (list "consumer.extraVolumes" $values.extraVolumes "name") -}}
{{- include "refuseTwice" (list "consumer.extraVolumeMounts" $values.extraVolumeMounts "mountPath") -}}
{{- range $field := list "namespaces" "references" -}}
{{- if and (get $values.readSecrets $field) (not $values.readSecrets.enabled) -}}
{{- fail (printf "consumer.readSecrets.%s: has no effect unless consumer.readSecrets.enabled is true%s" $field (eq $field "references" | ternary "; consumer.readSecrets.namespaces should then be set too, as without it every Secret of the hub may be read" "")) -}}
{{- end -}}
{{- end -}}
{{- $volumes := dict "providers" true "tmp" true -}}
{{- range $values.pluginImages -}}{{- $_ := set $volumes (printf "plugin-%s" .name) true -}}{{- end -}}
{{- range $values.extraVolumes -}}
{{- if hasKey $volumes .name -}}{{- fail (printf "consumer.extraVolumes: %q is a volume of the chart's own" .name) -}}{{- end -}}
{{- end -}}
{{- range $values.extraVolumes -}}{{- $_ := set $volumes .name true -}}{{- end -}}
{{- range $values.extraVolumeMounts -}}
{{- if not (hasKey $volumes .name) -}}{{- fail (printf "consumer.extraVolumeMounts: there is no volume %q" .name) -}}{{- end -}}
{{- if has (trimSuffix "/" .mountPath) (list "" "/tmp" "/etc/capi-inventory" "/plugins" "/plugin-images") -}}
{{- fail (printf "consumer.extraVolumeMounts: %q is a place of the chart's own" .mountPath) -}}
{{- end -}}
{{- end -}}
{{- end -}}
