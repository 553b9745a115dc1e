{{- define "tailsampler.container" -}}
{{- $shape := include "tailsampler.shape" . | fromYaml -}}
{{- $times := include "tailsampler.times" . | fromYaml -}}
{{- $config := include "tailsampler.config" . | fromYaml -}}
{{- $scheme := ternary "HTTPS" "HTTP" (not (empty (dig "telemetry" "tls" dict $config))) -}}
{{- $sidecar := eq .Values.shape "sidecar" -}}
- name: tailsampler
  image: {{ include "tailsampler.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [{{ ternary "operations" "gateway" (eq .Values.shape "operations") }}, --config, /etc/tailsampler/gateway.yaml]
  {{- if or .Values.secrets.env .Values.peers.secret }}
  env:
    {{- with .Values.peers.secret }}
    - name: TAILSAMPLER_PEER_TOKEN
      valueFrom:
        secretKeyRef: {name: {{ . }}, key: peer}
    # Also what `kubectl exec ... tailsampler top` shows.
    - name: TAILSAMPLER_TOKEN
      valueFrom:
        secretKeyRef: {name: {{ . }}, key: operate}
    {{- end }}
    {{- range .Values.secrets.env }}
    - name: {{ .name }}
      valueFrom:
        secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}
    {{- end }}
  {{- end }}
  ports:
    {{- if .Values.peers.secret }}
    # Admin (7317) listens on loopback: `kubectl port-forward` reaches it.
    {{- else }}
    # Admin (7317) and control (7318) listen on loopback: `kubectl port-forward` reaches them.
    {{- end }}
    {{- if not $sidecar }}
    - {name: otlp-grpc, containerPort: 4317}
    - {name: otlp-http, containerPort: 4318}
    {{- end }}
    {{- if .Values.peers.secret }}
    - {name: control, containerPort: 7318}
    {{- end }}
    - {name: metrics, containerPort: 13133}
  # Nothing listens before the logs are replayed: {{ $times.startup }} s is a full volume of {{ $shape.size }} at 32 MiB/s
  # (ten million held spans took two seconds, benchmarks/results/restart.md).
  startupProbe:
    httpGet: {path: /healthz, port: metrics, scheme: {{ $scheme }}}
    periodSeconds: 5
    timeoutSeconds: 3
    failureThreshold: {{ div (add $times.startup 4) 5 }}
  # A minute without an answer, or with a data plane that only a restart mends; a slow disk or a
  # busy core is no reason to kill it.
  livenessProbe:
    httpGet: {path: /livez, port: metrics, scheme: {{ $scheme }}}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  # The program moves its readiness slowly, as each change makes senders spread traces anew; one
  # lost answer must not do it either.
  readinessProbe:
    httpGet: {path: /readyz, port: metrics, scheme: {{ $scheme }}}
    periodSeconds: 5
    timeoutSeconds: 3
    failureThreshold: 3
  lifecycle:
    # Senders hear of it meanwhile: ring.interval, ring.timeout, ring.dnsTtl and 2 s{{ if eq $config.shutdown.mode "drain" }}; then what is
    # held is judged in its own time, {{ $times.wait }} s, and little of it early{{ end }}.
    preStop:
      sleep: {seconds: {{ $times.preStop }}}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
  {{- include "tailsampler.resources" (dict "shape" $shape) | nindent 2 }}
  volumeMounts:
    - {name: config, mountPath: /etc/tailsampler/gateway.yaml, subPath: gateway.yaml, readOnly: true}
    - {name: data, mountPath: /var/lib/tailsampler}
    - {name: tmp, mountPath: /tmp}
    {{- range .Values.secrets.files }}
    - {name: secret-{{ .name }}, mountPath: /etc/tailsampler/secrets/{{ .name }}, readOnly: true}
    {{- end }}
{{- end -}}

{{- define "tailsampler.resources" -}}
{{- $mib := 1048576 -}}
{{- $free := div (.shape.free | int64) $mib -}}
{{- $index := div (mul $free 40) 100 -}}
{{- $flight := max 64 (div (mul $free 12) 100) -}}
{{- $rest := sub $free (add $index $flight 104) -}}
{{- $buffer := div (include "tailsampler.bytes" .shape.size | int64) 2 -}}
{{- if eq .shape.volume "claim" -}}{{- $buffer = min $buffer 8589934592 -}}{{- end -}}
# Memory, in MiB: {{ if eq .shape.volume "memory" }}the volume {{ .shape.size }}; {{ end }}the program 80; remembered verdicts 24; the index at most {{ $index }}, which is
# {{ divf (div (mul $index $mib) 13520000) 10.0 }} million traces of 8 spans at 16.9 bytes a span; bodies in flight at most {{ $flight }};
# {{ if gt $rest 0 }}{{ $rest }} remain for the page cache of the logs{{ else }}the page cache of the logs gets what of these is not used{{ end }}.
# Request and limit are one, so that no neighbour takes it.
# Volume: of {{ .shape.size }} the buffer has {{ div $buffer $mib }} MiB: at 270 bytes a held span {{ divf (div $buffer 27000000) 10.0 }} million spans.
# CPU: 0.6 us a span at 64 spans a request in a full stream, 2 us where requests come one by one, and
# what it costs to export what is kept; `tailsampler size` says it for a load.
# No limit on it, since a throttled gateway refuses spans (benchmarks/results/standard_chain.md).
resources:
  {{- toYaml .shape.resources | nindent 2 }}
{{- end -}}
