"""The gateways of a tier tell each other what they keep for its evidence, and nobody else can."""

import pytest

from scripts.kubernetes import HelmError, render
from tests.deploy.rendered import (
    EVERYTHING,
    gateway,
    need_helm,
    objects,
    of_kind,
    settings,
    workload,
)

TIER = ["chart:gateway", "folder:gateway"]


@pytest.mark.parametrize("which", TIER)
def test_they_find_each_other(which: str) -> None:
    """Also those that are not ready or that senders have left: they still hold parts of traces."""
    peers, control = settings(which).peers, settings(which).control
    assert peers.dns is not None
    [service] = [
        each for each in of_kind(which, "Service") if each["metadata"]["name"] == peers.dns.host
    ]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    labels = workload(which)["spec"]["template"]["metadata"]["labels"]
    assert set(service["spec"]["selector"].items()) <= set(labels.items())
    assert "tailsampler/ring" not in service["spec"]["selector"]
    [port] = service["spec"]["ports"]
    named = {each["name"]: each["containerPort"] for each in gateway(which)["ports"]}
    assert (
        port["port"]
        == port["targetPort"]
        == named["control"]
        == peers.dns.port
        == control.endpoint.port
    )
    assert not control.endpoint.is_loopback


@pytest.mark.parametrize("which", TIER)
def test_they_show_a_token_that_can_do_nothing_else(which: str) -> None:
    """Of the role peer, and another one for people, both from one Secret."""
    known = settings(which)
    roles = {token.name: token.role for token in known.admin.auth.tokens}
    assert roles == {"peers": "peer", "operators": "operate"}
    assert known.peers.token is not None
    references = [each["valueFrom"]["secretKeyRef"] for each in gateway(which)["env"]]
    assert references == [
        {"name": "tailsampler-peers", "key": "peer"},
        {"name": "tailsampler-peers", "key": "operate"},
    ]


@pytest.mark.parametrize("which", TIER)
def test_nobody_else_reaches_them(which: str) -> None:
    """The control port is let in from the tier's own pods, and out to them alone."""
    [policy] = of_kind(which, "NetworkPolicy")
    own = {"podSelector": policy["spec"]["podSelector"]}
    for direction, side in (("ingress", "from"), ("egress", "to")):
        [rule] = [
            each
            for each in policy["spec"][direction]
            if 7318 in {port["port"] for port in each["ports"]}
        ]
        assert rule[side] == [own]
        assert len(rule["ports"]) == 1


@pytest.mark.parametrize("which", [each for each in EVERYTHING if each not in TIER])
def test_a_gateway_alone_tells_nobody(which: str) -> None:
    """Nor does a tier that was given no Secret."""
    assert not settings(which).peers.enabled
    names = [each["metadata"]["name"] for each in objects(which)]
    assert not any(name.endswith("-peers") for name in names)


def test_there_are_no_peers_of_one() -> None:
    """Whoever asks for them beside a single gateway is told what they are for."""
    need_helm()
    with pytest.raises(HelmError, match=r"for the gateways of a tier.*gateway or tmpfs"):
        render(None, "--set", "shape=single,peers.secret=tokens")
