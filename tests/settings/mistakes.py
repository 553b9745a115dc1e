"""Configurations with one mistake each; ``@@`` stands where the message must point."""

from typing import NamedTuple


class Mistake(NamedTuple):
    code: str
    key: str
    fix: str
    """Words of the message that say what to write instead."""
    text: str


def policies(*entries: str) -> str:
    return "sampling:\n  policies:\n" + "".join(f"    - {entry}\n" for entry in entries)


def exporter(rest: str) -> str:
    return f"export:\n  - {{type: otlp_grpc, endpoint: 'tempo:4317', {rest}}}\n"


KEYS = [
    Mistake("unknown_key", "recieve", "did you mean receive?", "@@recieve: {}\n"),
    Mistake(
        "unknown_key",
        "receive.otlp_grpc.endpiont",
        "did you mean endpoint?",
        "receive:\n  otlp_grpc:\n    @@endpiont: 127.0.0.1:4317\n",
    ),
    Mistake(
        "unknown_key",
        "sampling.policies[0].sampel_rate",
        "did you mean sample_rate?",
        policies("{name: a, sample_rate: 1, @@sampel_rate: 1}"),
    ),
    Mistake("unknown_key", "late.xyz", "write one of max_traces, max_age", "late: {@@xyz: 1}\n"),
    Mistake(
        "unknown_policy_type",
        "tail_sampling.policies[0].type",
        "did you mean latency?",
        "tail_sampling: {policies: [{name: a, type: @@latencie}]}\n",
    ),
    Mistake(
        "two_chains",
        "tail_sampling",
        "leave one out",
        policies("{name: a, sample_rate: 1}") + "tail_sampling: @@{policies: []}\n",
    ),
    Mistake("compat_without_block", "compat", "leave it out", 'compat: @@"0.155"\n'),
    Mistake("compat_without_block", "compat_telemetry", "leave it", "compat_telemetry: @@true\n"),
    Mistake(
        "compat_without_block",
        "feature_gates",
        "leave it out",
        "feature_gates: @@[usetracestate]\n",
    ),
    Mistake("unknown_feature_gate", "feature_gates", "those are dis", "feature_gates: @@[x]\n"),
    Mistake("key_not_supported", "exporters", "write export:", "@@exporters: {otlp: {}}\n"),
    Mistake(
        "key_not_supported",
        "export[0].sending_queue",
        "write outbox.max_bytes",
        exporter("@@sending_queue: {queue_size: 5}"),
    ),
    Mistake(
        "key_not_supported",
        "receive.otlp_grpc.auth",
        "write receive.tenants",
        "receive: {otlp_grpc: {@@auth: {authenticator: basic}}}\n",
    ),
    Mistake(
        "duplicate_key",
        "buffer.max_bytes",
        "after line 2; keep one",
        "buffer:\n  max_bytes: 1GiB\n  @@max_bytes: 2GiB\n",
    ),
    Mistake(
        "missing_key",
        "sampling.policies[0].sample_rate",
        "write sample_rate: 0.1",
        policies("@@{name: a}"),
    ),
    Mistake(
        "missing_key",
        "export[0].endpoint",
        "write endpoint: tempo:4317",
        "export:\n  - @@type: otlp_grpc\n",
    ),
]

UNITS = [
    Mistake(
        "duration_without_unit",
        "sampling.decision_wait",
        "write 10s",
        "sampling:\n  decision_wait: @@10\n",
    ),
    Mistake(
        "not_a_duration",
        "sampling.decision_wait",
        "write e.g. 10s",
        "sampling: {decision_wait: @@10 seconds}\n",
    ),
    Mistake("negative_duration", "late.max_age", "write e.g. 10s", "late: {max_age: @@-5s}\n"),
    Mistake(
        "duration_too_fine", "late.max_age", "whole number of ms", "late: {max_age: @@1500us}\n"
    ),
    Mistake(
        "out_of_range",
        "sampling.decision_wait",
        "from 1ms to 1h",
        "sampling: {decision_wait: @@2h}\n",
    ),
    Mistake("unknown_size_unit", "buffer.max_bytes", "write 8GiB", "buffer: {max_bytes: @@8G}\n"),
    Mistake("not_a_size", "buffer.max_bytes", "or 8GiB", "buffer: {max_bytes: @@a lot}\n"),
    Mistake("negative_size", "outbox.max_bytes", "64MiB", "outbox: {max_bytes: @@-1}\n"),
    Mistake(
        "too_few_segments",
        "buffer.max_bytes",
        "write at least 256MiB",
        "buffer: {max_bytes: @@100MiB}\n",
    ),
    Mistake(
        "threshold_with_unit",
        "sampling.policies[0].duration_threshold_ms",
        "write 1500",
        policies("{name: a, duration_threshold_ms: @@1.5s, sample_rate: 1}"),
    ),
]

VALUES = [
    Mistake("not_a_switch", "admin.enabled", "write true or false", "admin: {enabled: @@yes}\n"),
    Mistake("number_in_quotes", "receive.threads", "without quotes", "receive: {threads: @@'2'}\n"),
    Mistake("not_a_whole_number", "receive.threads", "whole", "receive: {threads: @@1.5}\n"),
    Mistake(
        "endpoint_without_host",
        "receive.otlp_grpc.endpoint",
        "write 127.0.0.1:4317 for this machine alone, or 0.0.0.0:4317",
        "receive: {otlp_grpc: {endpoint: @@':4317'}}\n",
    ),
    Mistake(
        "endpoint_without_port",
        "receive.otlp_http.endpoint",
        "write host:port",
        "receive: {otlp_http: {endpoint: @@127.0.0.1}}\n",
    ),
    Mistake(
        "listen_on_a_name",
        "telemetry.endpoint",
        "0.0.0.0:13133",
        "telemetry: {endpoint: '@@gateway:13133'}\n".replace("'@@", "@@'"),
    ),
    Mistake(
        "listener_without_authentication",
        "admin.endpoint",
        "admin.auth.tokens, or tls.client_ca_file, or 127.0.0.1:7317",
        "admin: {endpoint: @@0.0.0.0:7317}\n",
    ),
    Mistake(
        "listener_without_authentication",
        "control.endpoint",
        "admin.auth.tokens, or tls.client_ca_file, or 127.0.0.1:7318",
        "control: {endpoint: @@'[::]:7318'}\n",
    ),
    Mistake(
        "endpoint_with_scheme",
        "export[0].endpoint",
        "write tempo:4317 alone",
        "export: [{type: otlp_grpc, endpoint: @@'http://tempo:4317'}]\n",
    ),
    Mistake("unknown_word", "export[0].compression", "gzip?", exporter("compression: @@gzp")),
    Mistake("not_an_fsync_mode", "buffer.fsync", "mean always?", "buffer: {fsync: @@alwys}\n"),
    Mistake("not_a_section", "buffer", "as a mapping with max_bytes", "buffer: @@8GiB\n"),
    Mistake("unknown_exporter", "export[0]", "mean otlp_grpc?", "export: [@@{type: otlp_grcp}]\n"),
    Mistake("exporter_not_supported", "export[0]", "write type: file", "export: [@@type: debug]\n"),
    Mistake("no_exporter", "export", "write - {type: local}", "export: @@[]\n"),
    Mistake("not_text", "export[0].headers.x-n", "in quotes", exporter("headers: {x-n: @@12}")),
    Mistake(
        "reserved_header",
        "export[0].headers.grpc-a",
        "remove it",
        exporter("headers: {grpc-a: @@x}"),
    ),
    Mistake(
        "variable_not_set",
        "export[0].headers.x-n",
        "write ${env:NOT_THERE:-default}",
        exporter("headers: {x-n: @@'${env:NOT_THERE}'}"),
    ),
    Mistake("file_unreadable", "data_directory", "name a text", "data_directory: @@${file:no}\n"),
]

CHAIN = [
    Mistake(
        "rate_in_per_cent",
        "sampling.policies[0].sample_rate",
        "0.1 for 10 %",
        policies("{name: a, sample_rate: @@10}"),
    ),
    Mistake(
        "rate_out_of_range",
        "sampling.policies[0].sample_rate",
        "from 0 to 1",
        policies("{name: a, sample_rate: @@-0.1}"),
    ),
    Mistake(
        "rate_too_small",
        "sampling.policies[0].sample_rate",
        "write 0",
        policies("{name: a, sample_rate: @@1e-17}"),
    ),
    Mistake(
        "out_of_range",
        "sampling.policies[0].duration_threshold_ms",
        "write milliseconds",
        policies("{name: a, duration_threshold_ms: @@-1, sample_rate: 1}"),
    ),
    Mistake(
        "out_of_range",
        "sampling.policies[0].error_status_codes[1]",
        "from 100 to 599",
        policies("{name: a, error_status_codes: [500, @@5000], sample_rate: 1}"),
    ),
    Mistake(
        "not_a_list",
        "sampling.policies[0].error_status_codes",
        "write error_status_codes: [500, 502, 503, 504]",
        policies("{name: a, error_status_codes: @@500, sample_rate: 1}"),
    ),
    Mistake(
        "no_error_criterion",
        "sampling.policies[0].error_status",
        "leave it out",
        policies("{name: a, error_status: @@false, sample_rate: 1}"),
    ),
    Mistake(
        "default_not_last",
        "sampling.policies[0]",
        "move it to the end",
        policies("@@{name: a, sample_rate: 1}", "{name: b, service_name: b, sample_rate: 1}"),
    ),
    Mistake(
        "policy_never_reached",
        "sampling.policies[1]",
        "move it before a",
        policies(
            "{name: a, duration_threshold_ms: 500, sample_rate: 1}",
            "@@{name: b, duration_threshold_ms: 1000, sample_rate: 1}",
        ),
    ),
    Mistake(
        "duplicate_policy",
        "sampling.policies[1].name",
        "its own name",
        policies("{name: a, service_name: a, sample_rate: 1}", "{name: @@a, sample_rate: 1}"),
    ),
    Mistake("no_policy", "sampling.policies", "name: default", "sampling: {policies: @@[]}\n"),
    Mistake(
        "wait_never_used",
        "sampling.decision_wait_after_root_received",
        "lower it",
        "sampling: {decision_wait: 5s, decision_wait_after_root_received: @@6s}\n",
    ),
]

TOGETHER = [
    Mistake(
        "address_taken",
        "control.endpoint",
        "write another port",
        "admin: {endpoint: 127.0.0.1:7318}\ncontrol: {endpoint: @@127.0.0.1:7318}\n",
    ),
    Mistake(
        "duplicate_exporter",
        "export[1].name",
        "write another name",
        "export:\n  - {type: file, name: a}\n  - {type: file, path: x, name: @@a}\n",
    ),
    Mistake(
        "second_trace_store",
        "export[1].type",
        "leave this one out",
        "export: [{type: local}, {type: @@local, name: b, path: b}]\n",
    ),
    Mistake(
        "duplicate_attribute",
        "export[0].indexed_attributes",
        "leave one out",
        "export: [{type: local, indexed_attributes: @@[a, a]}]\n",
    ),
    Mistake(
        "not_a_list",
        "export[0].indexed_attributes",
        "write indexed_attributes: [http.route]",
        "export: [{type: local, indexed_attributes: @@http.route}]\n",
    ),
    Mistake(
        "too_many_attributes",
        "export[0].indexed_attributes",
        "name 64 at most",
        f"export: [{{type: local, indexed_attributes: @@{[f'a{n}' for n in range(65)]}}}]\n",
    ),
    Mistake(
        "attribute_too_long",
        "export[0].indexed_attributes",
        "leave it out",
        f"export: [{{type: local, indexed_attributes: @@[{'a' * 257}]}}]\n",
    ),
    Mistake(
        "file_shared",
        "export[1].path",
        "write another path",
        "export: [{type: file, path: a}, {type: file, name: b, path: @@a}]\n",
    ),
    Mistake(
        "no_door",
        "receive.otlp_grpc.enabled",
        "enabled: true for one",
        "receive: {otlp_grpc: {enabled: @@false}, otlp_http: {enabled: false}}\n",
    ),
    Mistake(
        "half_a_key_pair",
        "export[0].tls.cert_file",
        "write both",
        exporter("tls: {cert_file: @@c.pem}"),
    ),
    Mistake(
        "cannot_skip_verify",
        "export[0].tls.insecure_skip_verify",
        "write ca_file",
        exporter("tls: {insecure_skip_verify: @@true}"),
    ),
    Mistake(
        "tls_files_unused",
        "export[0].tls.ca_file",
        "remove one of the two",
        exporter("tls: {insecure: true, ca_file: @@c.pem}"),
    ),
    Mistake(
        "intervals_reversed",
        "export[0].retry_on_failure.initial_interval",
        "lower it",
        exporter("retry_on_failure: {initial_interval: @@1m}"),
    ),
    Mistake(
        "cannot_give_up",
        "export[0].retry_on_failure.max_elapsed_time",
        "leave it out",
        exporter("retry_on_failure: {max_elapsed_time: @@300s}"),
    ),
    Mistake(
        "request_over_budget",
        "receive.otlp_grpc.max_recv_msg_size_mib",
        "lower this or raise that",
        "receive: {otlp_grpc: {max_recv_msg_size_mib: @@300}}\n",
    ),
]

FORM = [
    Mistake("not_yaml", "", "check indentation", "buffer:\n  max_bytes: 1GiB\n @@fsync: never\n"),
    Mistake("empty_file", "", "write at least a sampling: section", "@@# nothing\n"),
    Mistake("not_a_mapping", "", "begin it with a key", "@@- a\n- b\n"),
    Mistake("unknown_tag", "late", "plain value", "late: @@!!python/name:os.system x\n"),
    Mistake("bad_key", "late", "write key: value", "late: {@@[1, 2]: 3}\n"),
]

ALL = [*KEYS, *UNITS, *VALUES, *CHAIN, *TOGETHER, *FORM]
