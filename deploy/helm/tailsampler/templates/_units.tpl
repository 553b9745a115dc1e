{{- /* Whole seconds of a duration as the program spells it, rounded up. */ -}}
{{- define "tailsampler.seconds" -}}
{{- $text := toString . -}}
{{- if not (regexMatch "^([0-9]+(\\.[0-9]+)?(h|ms|m|s))+$" $text) -}}
{{- fail (printf "%s is not a duration that the chart can compute with; write e.g. 10s, 500ms or 1h30m" $text) -}}
{{- end -}}
{{- $units := dict "h" 3600.0 "m" 60.0 "s" 1.0 "ms" 0.001 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9.]+(h|ms|m|s)" $text -1 -}}
{{- $sum = addf $sum (mulf (regexFind "^[0-9.]+" . | float64) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- ceil $sum | int -}}
{{- end -}}

{{- /* Bytes of a Kubernetes quantity. */ -}}
{{- define "tailsampler.bytes" -}}
{{- $text := toString . -}}
{{- if not (regexMatch "^[0-9]+(Ki|Mi|Gi|Ti|k|M|G|T)?$" $text) -}}
{{- fail (printf "%s is not a size that the chart can compute with; write e.g. 512Mi or 20Gi" $text) -}}
{{- end -}}
{{- $units := dict "" 1 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 -}}
{{- mul (regexFind "^[0-9]+" $text | int64) (get $units (regexFind "[A-Za-z]*$" $text) | int64) -}}
{{- end -}}

{{- /* A part of bytes, in hundredths, in the program's spelling: whole MiB. */ -}}
{{- define "tailsampler.part" -}}
{{- printf "%dMiB" (div (mul .bytes .hundredths) (mul 100 1048576)) -}}
{{- end -}}
