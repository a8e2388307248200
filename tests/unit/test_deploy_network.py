"""Who may talk to whom in the cluster, and what the ingress lets in."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from api.realtime.access import ROUTE as REALTIME
from app import create_app
from tests.fakes.http import make_settings
from tests.fakes.manifests import (
    FOLDER,
    Workload,
    find,
    lets_in,
    lets_out,
    of_kind,
    read,
    selects,
    workload,
    workloads,
)
from tests.fakes.services import make_parts

CLUSTER_ONLY = {"/metrics", "/ready"}
WANTED = {
    ("tanya", "redis"),
    ("tanya", "qdrant"),
    ("tanya", "postgres"),
    ("tanya-worker", "redis"),
    ("tanya-worker", "qdrant"),
    ("tanya-worker", "postgres"),
    ("tanya-migrate", "postgres"),
    ("tanya-web-chat", "tanya"),
}


def routes() -> set[str]:
    """Return the paths of the service, names in place of what varies."""
    application = create_app(make_settings(), make_parts().services())
    found = {
        re.sub(r"<[^>]+>", "x", rule.rule) for rule in application.url_map.iter_rules()
    }
    return found | {REALTIME}


def is_let_in(path: str) -> bool:
    (rule,) = find("Ingress", "tanya")["spec"]["rules"]
    return any(
        path == entry["path"]
        or (entry["pathType"] == "Prefix" and path.startswith(f"{entry['path']}/"))
        for entry in rule["http"]["paths"]
    )


@pytest.mark.parametrize("lets", [lets_out, lets_in])
def test_everybody_reaches_what_they_need_and_nothing_else(
    lets: Callable[[Workload, Workload, int], bool],
) -> None:
    reached = {
        (source.name, target.name)
        for source in workloads()
        for target in workloads()
        for port in target.ports.values()
        if source.name != target.name and lets(source, target, port)
    }

    # Each side says so by itself.
    assert reached == WANTED


def test_nothing_is_open_that_no_policy_opens() -> None:
    for lets in (lets_out, lets_in):
        assert lets(workload("tanya"), workload("redis"), 6379)
        assert not lets(workload("tanya"), workload("redis"), 6380)
    deny = find("NetworkPolicy", "deny-all")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_policy_is_about_pods_that_are_there() -> None:
    for one in of_kind("NetworkPolicy"):
        selector = one["spec"]["podSelector"]
        assert any(selects(selector, w.labels) for w in workloads()), one["metadata"]


@pytest.mark.parametrize("name", ["tanya", "tanya-worker", "tanya-web-chat"])
def test_names_can_be_resolved(name: str) -> None:
    policy = find("NetworkPolicy", "tanya-names")["spec"]

    assert selects(policy["podSelector"], workload(name).labels)
    (rule,) = policy["egress"]
    assert {(port["port"], port["protocol"]) for port in rule["ports"]} == {
        (53, "UDP"),
        (53, "TCP"),
    }


def test_vendors_are_reached_but_not_the_house() -> None:
    policy = find("NetworkPolicy", "tanya-vendors")["spec"]
    (rule,) = policy["egress"]
    (peer,) = rule["to"]

    assert {"10.0.0.0/8", "169.254.0.0/16"} <= set(peer["ipBlock"]["except"])
    assert rule["ports"] == [{"port": 443}]
    assert [
        w.name for w in workloads() if selects(policy["podSelector"], w.labels)
    ] == [
        "tanya",
        "tanya-worker",
    ]


def test_the_ingress_leads_to_every_door_and_to_no_probe_of_the_cluster() -> None:
    assert {path for path in routes() if not is_let_in(path)} == CLUSTER_ONLY


def test_probes_and_metrics_are_routes_of_the_service() -> None:
    container = workload("tanya").container
    probes = {
        container[kind]["httpGet"]["path"]
        for kind in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    (monitor,) = read(FOLDER / "service-monitor.yaml")
    (endpoint,) = monitor["spec"]["endpoints"]

    assert probes == {"/health", "/ready"}
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert probes | {endpoint["path"]} <= routes()
    labels = find("Service", "tanya")["metadata"]["labels"]
    assert selects(monitor["spec"]["selector"], labels)
    assert endpoint["port"] in {
        port["name"] for port in find("Service", "tanya")["spec"]["ports"]
    }


def test_no_other_service_is_watched_as_if_it_were_this_one() -> None:
    (monitor,) = read(FOLDER / "service-monitor.yaml")
    taken = [
        one["metadata"]["name"]
        for one in of_kind("Service")
        if selects(monitor["spec"]["selector"], one["metadata"]["labels"])
    ]

    assert taken == ["tanya"]


@pytest.mark.parametrize("one", of_kind("Ingress"), ids=["tanya", "web chat"])
def test_an_ingress_leads_to_a_service_by_tls(
    one: dict[str, dict[str, object]],
) -> None:
    spec = find("Ingress", str(one["metadata"]["name"]))["spec"]
    secured = {host for entry in spec["tls"] for host in entry["hosts"]}
    for rule in spec["rules"]:
        assert rule["host"] in secured
        for entry in rule["http"]["paths"]:
            target = entry["backend"]["service"]
            ports = find("Service", target["name"])["spec"]["ports"]
            assert target["port"]["name"] in {port["name"] for port in ports}


def test_the_ingress_passes_what_the_service_takes() -> None:
    notes = find("Ingress", "tanya")["metadata"]["annotations"]
    settings = make_settings()
    largest = int(workload("tanya").environment()["MAX_DOCUMENT_MB"])
    voice = settings.turn_timeout * 1.5

    for name in (
        "nginx.ingress.kubernetes.io/proxy-body-size",
        "nginx.org/client-max-body-size",
    ):
        assert int(notes[name].removesuffix("m")) > max(largest, settings.max_audio_mb)
    for name, value in notes.items():
        if name.endswith(("read-timeout", "send-timeout", "tunnel", "server")):
            assert int(value.removesuffix("s")) > voice
    assert notes["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert notes["nginx.ingress.kubernetes.io/proxy-request-buffering"] == "off"
    assert notes["nginx.org/proxy-buffering"] == "False"
    assert notes["nginx.org/websocket-services"] == "tanya"


def test_links_lead_to_the_ingress() -> None:
    (rule,) = find("Ingress", "tanya")["spec"]["rules"]

    public = urlsplit(workload("tanya").environment()["PUBLIC_URL"])
    assert (public.scheme, public.hostname) == ("https", rule["host"])


def test_both_doors_have_names_of_their_own() -> None:
    hosts = [
        rule["host"] for one in of_kind("Ingress") for rule in one["spec"]["rules"]
    ]

    assert len(set(hosts)) == len(hosts) == 2
