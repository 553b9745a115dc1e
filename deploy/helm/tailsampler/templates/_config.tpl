{{- /* The program's configuration: what the chart knows, and `config` over it. */ -}}
{{- define "tailsampler.config" -}}
{{- $shape := include "tailsampler.shape" . | fromYaml -}}
{{- $sidecar := eq .Values.shape "sidecar" -}}
{{- $host := ternary "127.0.0.1:1" "0.0.0.0:" $sidecar -}}
{{- $known := dict
  "data_directory" "/var/lib/tailsampler"
  "receive" (dict
    "otlp_grpc" (dict "endpoint" (print $host "4317"))
    "otlp_http" (dict "endpoint" (print $host "4318")))
  "telemetry" (dict "endpoint" "0.0.0.0:13133" "logs" (dict "encoding" "json"))
  "shutdown" (dict "mode" $shape.mode "doors_within" "5s" "export_within" (ternary "20s" "10s" (eq $shape.mode "drain")))
-}}
{{- if ne $shape.volume "claim" -}}
{{- /* As the program does for a file system of its own; here it would see the node's. */ -}}
{{- $size := include "tailsampler.bytes" $shape.size | int64 -}}
{{- $buffer := div (mul $size 50) 100 -}}
{{- $_ := set $known "buffer" (dict
  "max_bytes" (include "tailsampler.part" (dict "bytes" $size "hundredths" 50))
  "segment_bytes" (printf "%dMiB" (min 64 (max 1 (div $buffer 16777216)))))
-}}
{{- $_ := set $known "outbox" (dict "max_bytes" (include "tailsampler.part" (dict "bytes" $size "hundredths" 25))) -}}
{{- $_ := set $known "decisions" (dict "max_bytes" (include "tailsampler.part" (dict "bytes" $size "hundredths" 5))) -}}
{{- end -}}
{{- if eq $shape.volume "memory" -}}
{{- /* The volume counts towards the limit, and only the rest is the process's. */ -}}
{{- $_ := set $known.buffer "max_index_bytes" (include "tailsampler.part" (dict "bytes" $shape.free "hundredths" 40)) -}}
{{- $_ := set $known.receive "in_flight_bytes" (include "tailsampler.part" (dict "bytes" $shape.free "hundredths" 12)) -}}
{{- $_ := set $known.buffer "fsync" "never" -}}
{{- end -}}
{{- $export := dict "single" "- {type: local}" "sidecar" "- {type: otlp_grpc, name: collector, endpoint: \"127.0.0.1:24317\", tls: {insecure: true}}" -}}
{{- $default := "- {type: otlp_grpc, name: tempo, endpoint: \"tempo:4317\", tls: {insecure: true}}" -}}
{{- $_ := set $known "export" (dig .Values.shape $default $export | fromYamlArray) -}}
{{- if .Values.peers.secret -}}
{{- /* In plain text: NetworkPolicy holds it to the tier's own pods. */ -}}
{{- $_ := set $known "peers" (dict
  "dns" (printf "%s-peers:7318" (include "tailsampler.fullname" .))
  "tls" (dict "insecure" true)
  "token" "${env:TAILSAMPLER_PEER_TOKEN}") -}}
{{- $_ := set $known "control" (dict "endpoint" "0.0.0.0:7318") -}}
{{- $peer := dict "name" "peers" "role" "peer" "token" "${env:TAILSAMPLER_PEER_TOKEN}" -}}
{{- $operate := dict "name" "operators" "role" "operate" "token" "${env:TAILSAMPLER_TOKEN}" -}}
{{- $_ := set $known "admin" (dict "auth" (dict "tokens" (list $peer $operate))) -}}
{{- end -}}
{{- $own := deepCopy .Values.config -}}
{{- if not $own.export -}}{{- $own = omit $own "export" -}}{{- end -}}
{{- $config := mustMergeOverwrite $known $own -}}
{{- include "tailsampler.config.judged" (dict "config" $config "volume" $shape.volume) -}}
{{- $config | toYaml -}}
{{- end -}}

{{- /* What the pod could not live with. The rest is for `tailsampler check`. */ -}}
{{- define "tailsampler.config.judged" -}}
{{- if not (dig "telemetry" "enabled" true .config) -}}
{{- fail "config.telemetry.enabled is false; the pod's probes ask there, so leave it on" -}}
{{- end -}}
{{- if dig "telemetry" "tls" "client_ca_file" "" .config -}}
{{- fail "config.telemetry.tls.client_ca_file asks the kubelet for a certificate, and it has none; leave it out" -}}
{{- end -}}
{{- if not (hasSuffix ":13133" .config.telemetry.endpoint) -}}
{{- fail "config.telemetry.endpoint has another port than 13133, where the pod's probes ask; leave it out" -}}
{{- end -}}
{{- if ne .config.data_directory "/var/lib/tailsampler" -}}
{{- fail "config.data_directory is not /var/lib/tailsampler, where the volume is; leave it out" -}}
{{- end -}}
{{- if ne .volume "claim" -}}
{{- range .config.export -}}
{{- if has .type (list "local" "file") -}}
{{- fail (printf "config.export: %s writes into a volume that goes with its pod; export to a backend, or use the shape single" .type) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* gateway.yaml, in the order in which a span meets its sections. */ -}}
{{- define "tailsampler.config.file" -}}
{{- $config := include "tailsampler.config" . | fromYaml -}}
{{- $shape := include "tailsampler.shape" . | fromYaml -}}
{{- $times := include "tailsampler.times" . | fromYaml -}}
# The gateway's configuration; every key stands in docs/reference/settings.md.
# The pod's terminationGracePeriodSeconds ({{ $times.grace }}) and preStop ({{ $times.preStop }}) follow from `shutdown`,
# `export` and the waits of `sampling`: give the pod more where you lengthen these here.
{{- $say := dict "buffer" (ternary "Parts of the volume's size, as it is no file system of its own." "" (ne $shape.volume "claim"))
  "peers" "The other gateways: a trace that is split is kept by all if one of them has evidence." }}
{{- if eq $shape.volume "memory" }}
{{- $_ := set $say "buffer" "Parts of the volume's size; of the index, of what the volume leaves of the memory." }}
{{- end }}
{{- range $section := list "data_directory" "receive" "buffer" "sampling" "tail_sampling" "late" "decisions" "outbox" "export" "pass_through" "admin" "control" "peers" "telemetry" "shutdown" }}
{{- if hasKey $config $section }}
{{- with get $say $section }}
# {{ . }}
{{- end }}
{{ toYaml (dict $section (get $config $section)) }}
{{- end }}
{{- end }}
{{- range $section, $value := omit $config "data_directory" "receive" "buffer" "sampling" "tail_sampling" "late" "decisions" "outbox" "export" "pass_through" "admin" "control" "peers" "telemetry" "shutdown" }}
{{ toYaml (dict $section $value) }}
{{- end }}
{{- end -}}
