"""What every pod of every shape promises to the cluster that runs it."""

import pytest

from tests.deploy.rendered import (
    EVERYTHING,
    containers,
    gateway,
    of_kind,
    pods,
    quantity,
    settings,
    workload,
)

BESIDE_OURS = {"collector"}


@pytest.mark.parametrize("which", EVERYTHING)
def test_no_container_runs_as_root(which: str) -> None:
    """The kubelet refuses one that would, and no container asks for more."""
    for pod in pods(which):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["runAsGroup"] > 0
        for each in containers(pod):
            assert not {"runAsUser", "runAsNonRoot", "privileged"} & set(each["securityContext"])
            assert each["securityContext"]["allowPrivilegeEscalation"] is False


@pytest.mark.parametrize("which", EVERYTHING)
def test_no_container_has_what_it_does_not_need(which: str) -> None:
    """Read-only root, no capabilities, the runtime's seccomp profile, nothing of the host."""
    for pod in pods(which):
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert not any("hostPath" in volume for volume in pod.get("volumes", []))
        for each in containers(pod):
            assert each["securityContext"]["readOnlyRootFilesystem"] is True
            assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("which", EVERYTHING)
def test_no_pod_can_ask_the_api_server(which: str) -> None:
    """Its account's token is not in it."""
    assert all(pod["automountServiceAccountToken"] is False for pod in pods(which))
    [account] = of_kind(which, "ServiceAccount")
    assert account["automountServiceAccountToken"] is False


@pytest.mark.parametrize("which", EVERYTHING)
def test_the_volume_becomes_ours_once(which: str) -> None:
    """A volume of many files is not walked through at each start."""
    context = next(pods(which))["securityContext"]
    assert context["fsGroup"] == context["runAsGroup"]
    assert context["fsGroupChangePolicy"] == "OnRootMismatch"


@pytest.mark.parametrize("which", EVERYTHING)
def test_probes_ask_what_the_program_answers(which: str) -> None:
    """Alive and ready on 13133, by the listener's own paths, and TLS where it speaks it."""
    container, telemetry = gateway(which), settings(which).telemetry
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    paths = {"startupProbe": "/healthz", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    for probe, path in paths.items():
        asked = container[probe]["httpGet"]
        assert asked["path"] == path
        assert ports[asked["port"]] == telemetry.endpoint.port == 13133
        assert asked["scheme"] == ("HTTPS" if telemetry.tls else "HTTP")
    assert not telemetry.endpoint.is_loopback


@pytest.mark.parametrize("which", EVERYTHING)
def test_one_lost_answer_changes_nothing(which: str) -> None:
    """Neither the ring nor the process: readiness takes 15 s to go, a restart a minute."""
    for pod in pods(which):
        for each in containers(pod):
            if "livenessProbe" not in each:
                continue  # `helm test`
            ready, live = each["readinessProbe"], each["livenessProbe"]
            assert ready["periodSeconds"] * ready["failureThreshold"] >= 15
            assert live["periodSeconds"] * live["failureThreshold"] >= 60


@pytest.mark.parametrize("which", EVERYTHING)
def test_requests_and_limits_are_set(which: str) -> None:
    """Memory is requested and limited alike; the processor is requested and never throttled."""
    for pod in pods(which):
        for each in containers(pod):
            requests, limits = each["resources"]["requests"], each["resources"]["limits"]
            assert requests["memory"] == limits["memory"]
            assert "cpu" in requests
            assert "cpu" not in limits


@pytest.mark.parametrize("which", EVERYTHING)
def test_memory_suffices_for_what_the_settings_allow(which: str) -> None:
    """Volume in memory, index, bodies, verdicts and the program fit into the limit."""
    limit = quantity(gateway(which)["resources"]["limits"]["memory"])
    volumes = {each["name"]: each for each in next(pods(which))["volumes"]}
    data = volumes.get("data", {}).get("emptyDir", {})
    in_memory = quantity(data["sizeLimit"]) if data.get("medium") == "Memory" else 0
    known, free = settings(which), limit - in_memory
    # What is not written follows from the limit at the start: 40 and 12 parts of a hundred.
    written = in_memory > 0
    index = known.buffer.max_index_bytes if written else free * 40 // 100
    bodies = known.receive.in_flight_bytes if written else max(free * 12 // 100, 64 << 20)
    assert in_memory + index + bodies + (80 + 24) * (1 << 20) <= limit


@pytest.mark.parametrize("which", EVERYTHING)
def test_a_volume_without_a_file_system_of_its_own_is_shared_out(which: str) -> None:
    """Of an emptyDir the logs are given parts that fit: past its size the pod would be evicted."""
    volumes = {each["name"]: each for each in next(pods(which))["volumes"]}
    if "data" not in volumes:
        assert workload(which)["spec"]["volumeClaimTemplates"]
        return
    size, known = quantity(volumes["data"]["emptyDir"]["sizeLimit"]), settings(which)
    logs = known.buffer.max_bytes + known.outbox.max_bytes + known.decisions.max_bytes
    assert logs + known.buffer.reserve_bytes + (64 << 20) <= size
    assert known.buffer.segment_bytes * 4 <= known.buffer.max_bytes


@pytest.mark.parametrize("which", EVERYTHING)
def test_what_goes_with_the_pod_is_judged_before(which: str) -> None:
    """Without a volume claim SIGTERM drains; with one it keeps."""
    claimed = "volumeClaimTemplates" in workload(which)["spec"]
    placeholder = which.endswith(":operations")
    mode = settings(which).shutdown.mode
    assert mode == ("keep" if claimed or placeholder else "drain")


@pytest.mark.parametrize("which", EVERYTHING)
def test_what_is_written_is_mounted(which: str) -> None:
    """The data directory and /tmp are the only places that can be written."""
    mounts = {each["mountPath"]: each for each in gateway(which)["volumeMounts"]}
    writable = {path for path, each in mounts.items() if not each.get("readOnly")}
    assert writable == {str(settings(which).data_directory), "/tmp"}  # noqa: S108 - a mount


@pytest.mark.parametrize("which", EVERYTHING)
def test_pods_are_spread(which: str) -> None:
    """Over nodes and over zones, by their own labels."""
    labels = workload(which)["spec"]["template"]["metadata"]["labels"]
    keys = set()
    for each in next(pods(which))["topologySpreadConstraints"]:
        assert set(each["labelSelector"]["matchLabels"].items()) <= set(labels.items())
        keys.add(each["topologyKey"])
    assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}


@pytest.mark.parametrize("which", EVERYTHING)
def test_secrets_come_by_reference(which: str) -> None:
    """No object is a Secret, and no variable has a value of its own."""
    assert of_kind(which, "Secret") == []
    for each in gateway(which).get("env", []):
        assert set(each["valueFrom"]) == {"secretKeyRef"}


def test_secrets_are_where_the_configuration_reads_them() -> None:
    """Files under their mounts, readable by the group that the pod runs as, and variables."""
    which = "chart:secrets"
    volumes = {each["name"]: each for each in next(pods(which))["volumes"]}
    mounts = {each["name"]: each["mountPath"] for each in gateway(which)["volumeMounts"]}
    secret = {"secretName": "tailsampler-tls", "defaultMode": 0o440}
    assert volumes["secret-tls"]["secret"] == secret
    assert mounts["secret-tls"] == "/etc/tailsampler/secrets/tls"
    tls = settings(which).receive.otlp_grpc.tls
    assert tls is not None
    assert str(tls.key_file) == "/etc/tailsampler/secrets/tls/tls.key"
    assert gateway(which)["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "tailsampler-backends"


@pytest.mark.parametrize("which", EVERYTHING)
def test_images_are_pinned(which: str) -> None:
    """By a version or a digest, never by `latest`."""
    for pod in pods(which):
        for each in containers(pod):
            _, _, tag = each["image"].rpartition("@" if "@" in each["image"] else ":")
            assert tag
            assert tag != "latest"
            assert each["name"] in BESIDE_OURS or "tailsampler" in each["image"]
