{{- /*
What a shape is, before anybody sets anything.
otlp_grpc, otlp_http: a sidecar shares its addresses with the Collector, which has 4317 and 4318.
*/ -}}
{{- define "tailsampler.shapes" -}}
single: {kind: StatefulSet, replicas: 1, volume: claim, size: 20Gi, cpu: "1", memory: 1Gi, mode: keep}
gateway: {kind: StatefulSet, replicas: 3, volume: claim, size: 20Gi, cpu: "1", memory: 1Gi, mode: keep}
sidecar: {kind: Deployment, replicas: 1, volume: disk, size: 4Gi, cpu: 500m, memory: 512Mi, mode: drain}
tmpfs: {kind: Deployment, replicas: 1, volume: memory, size: 1Gi, cpu: "1", memory: 2Gi, mode: drain}
operations: {kind: Deployment, replicas: 0, volume: disk, size: 1Gi, cpu: 100m, memory: 512Mi, mode: keep}
{{- end -}}

{{- /* The shape with what was set: kind, replicas, volume, size, mode, resources, spread. */ -}}
{{- define "tailsampler.shape" -}}
{{- $shape := get (include "tailsampler.shapes" . | fromYaml) .Values.shape -}}
{{- $replicas := ternary $shape.replicas .Values.replicas (kindIs "invalid" .Values.replicas) | int -}}
{{- $size := .Values.volume.size | default $shape.size -}}
{{- $resources := dict "requests" (dict "cpu" $shape.cpu "memory" $shape.memory) "limits" (dict "memory" $shape.memory) -}}
{{- if eq $shape.volume "disk" -}}
{{- $_ := set $resources.requests "ephemeral-storage" $size -}}
{{- end -}}
{{- $resources = mustMergeOverwrite $resources (deepCopy .Values.resources) -}}
{{- $memory := dig "limits" "memory" "" $resources -}}
{{- if not (dig "requests" "memory" "" .Values.resources) -}}
{{- $_ := set $resources.requests "memory" $memory -}}
{{- end -}}
{{- if not $memory -}}
{{- fail "resources.limits.memory is missing; the program takes its bounds from it, so write one, e.g. 1Gi" -}}
{{- end -}}
{{- $free := include "tailsampler.bytes" $memory | int64 -}}
{{- if eq $shape.volume "memory" -}}
{{- $free = sub $free (include "tailsampler.bytes" $size | int64) -}}
{{- end -}}
{{- if lt $free 402653184 -}}
{{- fail (printf "resources.limits.memory %s leaves less than 384Mi for the process%s; write more" $memory (ternary (printf " beside a volume of %s in memory" $size) "" (eq $shape.volume "memory"))) -}}
{{- end -}}
{{- if and (eq .Values.shape "operations") (gt $replicas 0) -}}
{{- fail "replicas is over 0, and the shape operations is a placeholder: the program has no such service yet; leave replicas out" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (not (has .Values.shape (list "gateway" "tmpfs"))) -}}
{{- fail (printf "autoscaling.enabled needs a tier that traces are spread over, and the shape is %s; use gateway or tmpfs, or leave it off" .Values.shape) -}}
{{- end -}}
{{- if and .Values.peers.secret (not (has .Values.shape (list "gateway" "tmpfs"))) -}}
{{- fail (printf "peers.secret is for the gateways of a tier, and the shape is %s; use gateway or tmpfs, or leave it out" .Values.shape) -}}
{{- end -}}
{{- if and (eq .Values.shape "single") (gt $replicas 1) -}}
{{- fail (printf "replicas is %d, and the shape single is one gateway; use the shape gateway, behind the loadbalancing exporter" $replicas) -}}
{{- end -}}
{{- dict "kind" $shape.kind "volume" $shape.volume "mode" $shape.mode "replicas" $replicas "size" $size "resources" $resources "free" $free "spread" (or (gt $replicas 1) .Values.autoscaling.enabled) | toYaml -}}
{{- end -}}
