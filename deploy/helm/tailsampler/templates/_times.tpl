{{- /*
How long what may take, in seconds, from the settings that the pod is given.
  wait      the longest decision_wait of any policy
  preStop   from "this pod stops" to the last sender that has heard of it; in a pod whose spans go
            with it also `wait`, so that what is held is judged in its own time and not early
  stop      SIGTERM to exit: requests under way, exporters, one attempt that began at the last
            moment, and ten seconds for the files
  grace     both, and the Collector beside us
  minReady  between two pods of a rollout: as long as traces that were split by the one before
  startup   until the first answer: 32 MiB/s of a full volume are read, however slow the disk
*/ -}}
{{- define "tailsampler.times" -}}
{{- $config := include "tailsampler.config" . | fromYaml -}}
{{- $shape := include "tailsampler.shape" . | fromYaml -}}
{{- $wait := 10 -}}
{{- if kindIs "map" $config.sampling -}}
{{- $wait = include "tailsampler.seconds" ($config.sampling.decision_wait | default "10s") | int -}}
{{- range $config.sampling.policies -}}
{{- if .decision_wait -}}
{{- $wait = max $wait (include "tailsampler.seconds" .decision_wait | int) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $ring := add (include "tailsampler.seconds" .Values.ring.interval) (include "tailsampler.seconds" .Values.ring.timeout) (include "tailsampler.seconds" .Values.ring.dnsTtl) 2 -}}
{{- $preStop := ternary (add $ring $wait) $ring (eq $config.shutdown.mode "drain") -}}
{{- $attempt := 0 -}}
{{- range $config.export -}}
{{- if eq .type "otlp_grpc" -}}
{{- $attempt = max $attempt (include "tailsampler.seconds" (.timeout | default "5s") | int) -}}
{{- end -}}
{{- end -}}
{{- $stop := add (include "tailsampler.seconds" $config.shutdown.doors_within) (include "tailsampler.seconds" $config.shutdown.export_within) $attempt 10 -}}
{{- $beside := ternary .Values.collector.stopSeconds 0 (eq .Values.shape "sidecar") | int -}}
{{- dict "wait" $wait "preStop" $preStop "stop" $stop "grace" (add $preStop $stop $beside) "minReady" (add $ring $wait) "startup" (max 120 (div (include "tailsampler.bytes" $shape.size | int64) 33554432)) | toYaml -}}
{{- end -}}
