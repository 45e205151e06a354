{{/* What every name begins with. It does not depend on the release: the port-forward line is the same everywhere. */}}
{{- define "meshvane.name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{/* The labels by which pods are selected. They never change: not with the version, nor with the release. */}}
{{- define "meshvane.selector" -}}
app.kubernetes.io/name: {{ include "meshvane.name" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* Labels of an object. */}}
{{- define "meshvane.labels" -}}
{{ include "meshvane.selector" . }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: meshvane
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/*
Labels of a pod. The release is not among them: one that takes over what another installed would restart every pod. A
sidecar would stand between the agent and the network that it measures, and would need capabilities that our pods forbid:
meshes leave them out.
*/}}
{{- define "meshvane.podLabels" -}}
{{ include "meshvane.selector" . }}
app.kubernetes.io/part-of: meshvane
sidecar.istio.io/inject: "false"
istio.io/dataplane-mode: none
kuma.io/sidecar-injection: disabled
{{- with .podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "meshvane.podAnnotations" -}}
sidecar.istio.io/inject: "false"
linkerd.io/inject: disabled
consul.hashicorp.com/connect-inject: "false"
{{- with .podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The image of a component: registry/repository:tag, or @digest. */}}
{{- define "meshvane.image" -}}
{{- $image := .values.image -}}
{{- $registry := .root.Values.global.imageRegistry | default $image.registry -}}
{{- if $registry }}{{ $registry }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{/* The fields of a pod that both components fill in the same way from their values. */}}
{{- define "meshvane.podSettings" -}}
terminationGracePeriodSeconds: {{ int64 .values.terminationGracePeriodSeconds }}
# Services of the namespace would come as variables, of which one with our prefix and an unknown name ends the program.
enableServiceLinks: false
{{- with .values.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- $class := .values.priorityClassName }}
{{- if eq $class "auto" }}
{{- $class = ternary .critical "" (eq .root.Release.Namespace "kube-system") }}
{{- end }}
{{- with $class }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What Pod Security "restricted" wants of a pod. */}}
{{- define "meshvane.podSecurityContext" -}}
runAsNonRoot: true
{{- if not (kindIs "invalid" .runAsUser) }}
runAsUser: {{ int64 .runAsUser }}
runAsGroup: {{ int64 .runAsUser }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What it wants of a container. */}}
{{- define "meshvane.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end -}}

{{- define "meshvane.serverHost" -}}
{{ include "meshvane.name" . }}-server.{{ .Release.Namespace }}.svc
{{- end -}}

{{- define "meshvane.scheme" -}}
{{ ternary "https" "http" (not (empty .Values.tls.existingSecret)) }}
{{- end -}}

{{/* Where agents and the test find the server. No cluster domain: the resolver's search list completes the name. */}}
{{- define "meshvane.serverUrl" -}}
{{ include "meshvane.scheme" . }}://{{ include "meshvane.serverHost" . }}:{{ .Values.server.service.port }}
{{- end -}}

{{/* Values that end up as variables' texts. Helm reads large numbers as floats: those would be written as 1e+06. */}}
{{- define "meshvane.number" -}}
{{ int64 . | toString | quote }}
{{- end -}}

{{/* A time in seconds, of a number of them or of a text such as 5s, 2m, 1h or 1d. */}}
{{- define "meshvane.seconds" -}}
{{- if kindIs "string" . -}}
{{- $units := dict "s" 1 "m" 60 "h" 3600 "d" 86400 -}}
{{ mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[smhd]$" . | default "s")) }}
{{- else -}}
{{ int64 . }}
{{- end -}}
{{- end -}}

{{/*
The Nodes that should have an agent, in the server's words: what the DaemonSet asks of a node's labels. Refuses what these
words cannot say, or the server would miss agents where none can be.
*/}}
{{- define "meshvane.agentNodes" -}}
{{- $words := list -}}
{{- $hard := "" -}}
{{- range $key, $value := .Values.agent.nodeSelector -}}
{{- $words = append $words (printf "%s=%s" $key $value) -}}
{{- end -}}
{{- $node := (.Values.agent.affinity | default dict).nodeAffinity | default dict -}}
{{- $terms := ($node.requiredDuringSchedulingIgnoredDuringExecution | default dict).nodeSelectorTerms | default list -}}
{{- if gt (len $terms) 1 -}}
{{- $hard = "more than one term" -}}
{{- end -}}
{{- range $terms -}}
{{- if .matchFields -}}
{{- $hard = "matchFields" -}}
{{- end -}}
{{- range .matchExpressions -}}
{{- $key := .key -}}
{{- if eq .operator "Exists" -}}
{{- $words = append $words $key -}}
{{- else if eq .operator "DoesNotExist" -}}
{{- $words = append $words (printf "!%s" $key) -}}
{{- else if eq .operator "NotIn" -}}
{{- range .values -}}
{{- $words = append $words (printf "%s!=%s" $key .) -}}
{{- end -}}
{{- else if and (eq .operator "In") (eq (len .values) 1) -}}
{{- $words = append $words (printf "%s=%s" $key (first .values)) -}}
{{- else -}}
{{- $hard = printf "%s with operator %s" $key .operator -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if .Values.server.agentNodes -}}
{{- .Values.server.agentNodes -}}
{{- else if $hard -}}
{{- fail (printf "agent.affinity has %s, which the server cannot be told: say in server.agentNodes which Nodes should have an agent, as key=value,key!=value,key,!key" $hard) -}}
{{- else -}}
{{- /* Every Node has this label, and an empty text would mean the server's own default. */ -}}
{{- join "," ($words | default (list "kubernetes.io/hostname")) -}}
{{- end -}}
{{- end -}}
