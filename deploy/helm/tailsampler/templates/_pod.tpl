{{- /* The pod of every shape: metadata and spec. */ -}}
{{- define "tailsampler.pod" -}}
{{- $shape := include "tailsampler.shape" . | fromYaml -}}
{{- $times := include "tailsampler.times" . | fromYaml -}}
{{- $name := include "tailsampler.fullname" . -}}
metadata:
  labels:
    {{- include "tailsampler.podLabels" . | nindent 4 }}
    # Services that take spans ask for this one; take it off a pod, and senders leave it.
    tailsampler/ring: "in"
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: tailsampler
    checksum/config: {{ include "tailsampler.config.file" . | sha256sum }}
    {{- if eq .Values.shape "sidecar" }}
    checksum/collector: {{ include "tailsampler.collector.config" . | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "tailsampler.serviceAccount" . }}
  # The gateway asks nothing of the API server.
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  # {{ $times.preStop }} s preStop, {{ $times.stop }} s for shutdown.doors_within, shutdown.export_within, one attempt of an
  # exporter and the files{{ if eq .Values.shape "sidecar" }}, {{ .Values.collector.stopSeconds }} s for the Collector, which is stopped after us{{ end }}.
  terminationGracePeriodSeconds: {{ $times.grace }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    # The volume's root becomes ours once; walking through it at each start would take minutes.
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: {{ .Values.topologySpread.hostname }}
      labelSelector:
        matchLabels:
          {{- include "tailsampler.selector" . | nindent 10 }}
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: {{ .Values.topologySpread.zone }}
      labelSelector:
        matchLabels:
          {{- include "tailsampler.selector" . | nindent 10 }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq .Values.shape "sidecar" }}
  {{- include "tailsampler.collector" . | nindent 2 }}
  {{- end }}
  containers:
    {{- include "tailsampler.container" . | nindent 4 }}
  volumes:
    - name: config
      configMap:
        name: {{ $name }}-config
    {{- if eq .Values.shape "sidecar" }}
    - name: collector
      configMap:
        name: {{ $name }}-collector
    {{- end }}
    {{- if eq $shape.volume "disk" }}
    # Outlives a container, not its pod: therefore shutdown.mode is drain.
    - name: data
      emptyDir:
        sizeLimit: {{ $shape.size }}
    {{- else if eq $shape.volume "memory" }}
    # Outlives a container, not its pod: therefore shutdown.mode is drain. What is written here
    # counts towards the container's memory limit.
    - name: data
      emptyDir:
        medium: Memory
        sizeLimit: {{ $shape.size }}
    {{- end }}
    # SQLite sorts here; the root file system is read-only.
    - name: tmp
      emptyDir:
        sizeLimit: 256Mi
    {{- range .Values.secrets.files }}
    - name: secret-{{ .name }}
      secret:
        secretName: {{ .secret }}
        defaultMode: 288 # 0440: the group is ours
    {{- end }}
{{- end -}}
