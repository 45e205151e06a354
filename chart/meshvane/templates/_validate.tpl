{{/*
Combinations that cannot work, each refused with a sentence that names the values. What is wrong by itself is refused by
values.schema.json before.
*/}}
{{- define "meshvane.validate" -}}
{{- $v := .Values -}}
{{- if $v.agent.hostNetwork -}}
{{- fail "agent.hostNetwork cannot be true: on the node's network the agents have no pod address, so that the pods' network would go unwatched, and they could not be told apart from the node" -}}
{{- end -}}
{{- $ttl := include "meshvane.seconds" $v.server.ttlSeconds | int64 -}}
{{- $heartbeat := include "meshvane.seconds" $v.agent.heartbeatIntervalSeconds | int64 -}}
{{- if lt $ttl (mul 2 $heartbeat) -}}
{{- fail (printf "server.ttlSeconds is %d and agent.heartbeatIntervalSeconds is %d: the first must be at least twice the second, or one late heartbeat loses an agent" $ttl $heartbeat) -}}
{{- end -}}
{{- if and (eq $v.auth.mode "token") (empty $v.auth.existingSecret) -}}
{{- fail "auth.mode is token and auth.existingSecret is empty: name a Secret of this namespace that holds the agents' token" -}}
{{- end -}}
{{- if and (ne $v.auth.mode "token") $v.auth.existingSecret -}}
{{- fail (printf "auth.existingSecret is set and auth.mode is %s: a Secret is read in mode token only" $v.auth.mode) -}}
{{- end -}}
{{- if and (ne $v.auth.mode "token") $v.auth.readTokenKey -}}
{{- fail (printf "auth.readTokenKey is set and auth.mode is %s: a token of readers is known in mode token only" $v.auth.mode) -}}
{{- end -}}
{{- if and $v.tls.existingSecret (empty $v.tls.caConfigMap) -}}
{{- fail "tls.existingSecret is set and tls.caConfigMap is empty: the agents trust no certificate but those of a ConfigMap" -}}
{{- end -}}
{{- if and $v.tls.caConfigMap (empty $v.tls.existingSecret) -}}
{{- fail "tls.caConfigMap is set and tls.existingSecret is empty: the server has no certificate to show" -}}
{{- end -}}
{{- if and $v.networkPolicy.enabled (empty $v.networkPolicy.nodeCIDRs) -}}
{{- fail "networkPolicy.enabled is true and networkPolicy.nodeCIDRs is empty: agents probe the nodes' addresses, so the policy must let them out to those ranges" -}}
{{- end -}}
{{- include "meshvane.validateComponent" (dict "name" "server" "values" $v.server) -}}
{{- include "meshvane.validateComponent" (dict "name" "agent" "values" $v.agent) -}}
{{- end -}}

{{- define "meshvane.validateComponent" -}}
{{- $name := .name -}}
{{- range $label, $_ := .values.podLabels -}}
{{- if has $label (list "app.kubernetes.io/name" "app.kubernetes.io/component" "app.kubernetes.io/instance" "app.kubernetes.io/part-of" "sidecar.istio.io/inject" "istio.io/dataplane-mode" "kuma.io/sidecar-injection") -}}
{{- fail (printf "%s.podLabels cannot have %s: the chart sets it" $name $label) -}}
{{- end -}}
{{- end -}}
{{- range $annotation, $_ := .values.podAnnotations -}}
{{- if has $annotation (list "sidecar.istio.io/inject" "linkerd.io/inject" "consul.hashicorp.com/connect-inject") -}}
{{- fail (printf "%s.podAnnotations cannot have %s: the chart sets it" $name $annotation) -}}
{{- end -}}
{{- end -}}
{{- range .values.extraEnv -}}
{{- if has .name (fromYamlArray (include (printf "meshvane.%sVariables" $name) .)) -}}
{{- fail (printf "%s.extraEnv cannot have %s: the chart sets it from another value" $name .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The variables that the templates set. The checks of the chart hold these lists to the templates. */}}
{{- define "meshvane.serverVariables" -}}
[CACHE_KEY_SECOND, HTTP_PORT, LOG_LEVEL, MESHVANE_AGENT_NODE_SELECTOR, MESHVANE_AGENT_SERVICE_ACCOUNT, MESHVANE_AGENT_TOLERATIONS, MESHVANE_AUDIENCE,
 MESHVANE_AUTH, MESHVANE_FORGET_AFTER, MESHVANE_HEALTH_PORT, MESHVANE_LOOPBACK_READS, MESHVANE_METRICS_PORT,
 MESHVANE_READ_TOKEN_FILE, MESHVANE_TERMINATING_TAINTS, MESHVANE_TLS_CERT_FILE, MESHVANE_TLS_KEY_FILE,
 MESHVANE_TOKEN_FILE, NAMESPACE, REPORT_INTERVAL]
{{- end -}}

{{- define "meshvane.agentVariables" -}}
[CLIENT_PORT, CUSTOM_SERVICE_NAME, CUSTOM_SERVICE_PORT, HEARTBEAT_INTERVAL, HOST_IPS, LOG_LEVEL, MESHVANE_AUTH,
 MESHVANE_HEALTH_PORT, MESHVANE_METRICS_PORT, MESHVANE_PROBE_INTERVAL, MESHVANE_TLS_CA_FILE, MESHVANE_TOKEN_FILE, MESHVANE_ZONE, NAMESPACE,
 NODE_NAME, POD_IPS, POD_NAME, SERVER_URL, TEST_PORT]
{{- end -}}
