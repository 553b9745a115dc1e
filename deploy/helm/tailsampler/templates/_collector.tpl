{{- define "tailsampler.collector.config" -}}
{{- if .Values.collector.config -}}
{{- .Values.collector.config -}}
{{- else -}}
{{- .Files.Get "files/collector.yaml" | replace "tempo:4317" .Values.collector.backend -}}
{{- end -}}
{{- end -}}

{{- /* The Collector starts before us and ends after us, as it takes back what we keep. */ -}}
{{- define "tailsampler.collector" -}}
# A native sidecar (restartPolicy: Always): it starts before the gateway and gets its SIGTERM after
# the gateway has ended, so that what is kept at the end still finds it.
initContainers:
  - name: collector
    image: {{ .Values.collector.image }}
    restartPolicy: Always
    args: [--config, /etc/otelcol/collector.yaml]
    ports:
      - {name: otlp-grpc, containerPort: 4317}
      - {name: otlp-http, containerPort: 4318}
      - {name: otel-metrics, containerPort: 8888}
    startupProbe:
      httpGet: {path: /, port: 13134}
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet: {path: /, port: 13134}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      httpGet: {path: /, port: 13134}
      periodSeconds: 5
      timeoutSeconds: 3
      failureThreshold: 3
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: {drop: [ALL]}
    # memory_limiter in its configuration works at 80 % of the limit; what waits for a backend
    # that is away waits with us on disk, or in this memory.
    resources:
      {{- toYaml .Values.collector.resources | nindent 6 }}
    volumeMounts:
      - {name: collector, mountPath: /etc/otelcol/collector.yaml, subPath: collector.yaml, readOnly: true}
{{- end -}}
