{{- /* SPDX-FileCopyrightText: The capi-inventory authors */ -}}
{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}

{{- /*
Anywhere but loopback, link-local addresses and those other ones at which clouds serve the credentials of a node; and none of these IPv4
addresses as NAT64 writes it (RFC 6052).
*/ -}}
{{- define "network.anywhere" -}}
- ipBlock:
    cidr: 0.0.0.0/0
    except: [127.0.0.0/8, 169.254.0.0/16, 100.100.100.200/32, 168.63.129.16/32, 192.0.0.192/32]
- ipBlock:
    cidr: "::/0"
    except:
    - "::1/128"
    - "fe80::/10"
    - "fd00:ec2::254/128"
    - "fd00:ec2::23/128"
    - "fd20:ce::254/128"
    - "fd00:c1::a9fe:a9fe/128"
    - "64:ff9b::7f00:0/104"
    - "64:ff9b::a9fe:0/112"
    - "64:ff9b::6464:64c8/128"
    - "64:ff9b::a83f:8110/128"
    - "64:ff9b::c000:c0/128"
{{- end -}}

{{- /* The egress that every pod needs: name servers and the hub's API server. Given the values of networkPolicy. */ -}}
{{- define "network.egress" -}}
- ports:
  {{- range .dnsPorts }}
  - {port: {{ . }}, protocol: UDP}
  - {port: {{ . }}, protocol: TCP}
  {{- end }}
  {{- with .dnsTo }}
  to:
  {{- toYaml . | nindent 2 }}
  {{- end }}
- ports:
  {{- range .apiServerPorts }}
  - {port: {{ . }}, protocol: TCP}
  {{- end }}
  to:
  {{- with .apiServerTo }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  {{- include "network.anywhere" . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /*
Rules add up: one for an API server or name servers that may be anywhere undoes one for spokes that are not, as a profile may name any port.
So both have to be named where spokes are. They are not looked up here: addresses may change after the installation, and a policy that
follows them only at the next upgrade would cut off what it was to protect.
*/ -}}
{{- define "network.check" -}}
{{- $policy := .Values.networkPolicy -}}
{{- if and $policy.enabled (or .Values.consumer.enabled (include "broker.runs" .)) $policy.spokesTo -}}
{{- if not $policy.apiServerTo -}}{{- include "network.refuseServer" . -}}{{- end -}}
{{- if not $policy.dnsTo -}}
{{- fail "networkPolicy.dnsTo: must name the name servers where networkPolicy.spokesTo is set: a rule for name servers that may be anywhere would let consumer and broker dial anywhere at networkPolicy.dnsPorts. List them with: kubectl get pods -n kube-system -l k8s-app=kube-dns. If they are there: networkPolicy.dnsTo: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]; with a DNS cache on each node also its address, {ipBlock: {cidr: 169.254.20.10/32}}" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "network.refuseServer" -}}
{{- $found := list -}}
{{- $ports := list -}}
{{- $slice := lookup "discovery.k8s.io/v1" "EndpointSlice" "default" "kubernetes" -}}
{{- range $slice.endpoints -}}
{{- range .addresses -}}
{{- $found = append $found (dict "ipBlock" (dict "cidr" (printf "%s/%s" . (ternary "128" "32" (contains ":" .))))) -}}
{{- end -}}
{{- end -}}
{{- range $slice.ports -}}
{{- $ports = append $ports (int .port) -}}
{{- end -}}
{{- $message := "networkPolicy.apiServerTo: must name the addresses of the hub's API server where networkPolicy.spokesTo is set: a rule for an API server that may be anywhere would let consumer and broker dial anywhere." -}}
{{- if $found -}}
{{- fail (printf "%s At this moment they are networkPolicy.apiServerTo: %s with networkPolicy.apiServerPorts: %s" $message (toJson $found) (toJson $ports)) -}}
{{- else -}}
{{- fail (printf "%s List them with: kubectl get endpointslice kubernetes -n default" $message) -}}
{{- end -}}
{{- end -}}
