"""The manifests and the compose file fit the product, and each other."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from config import Settings, load_settings
from knowledge.__main__ import build_parser
from knowledge.jobs_redis import MOST_WAITING_BYTES
from tests.fakes.http import make_settings
from tests.fakes.manifests import (
    FOLDER,
    IMAGE,
    ROOT,
    Workload,
    applied,
    find,
    kustomized,
    of_kind,
    read,
    secrets,
    selects,
    workload,
    workloads,
)

NAMES = {name.upper() for name in Settings.model_fields}
OURS = [one for one in workloads() if one.is_ours]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PAIRS = {"app": "tanya", "worker": "tanya-worker", "streamlit": "tanya-web-chat"}
IN_USE = 260 + 2 * 140
"""A process with speech and its recognisers, MB."""

each_of_ours = pytest.mark.parametrize("one", OURS, ids=[one.name for one in OURS])
each = pytest.mark.parametrize("one", workloads(), ids=[w.name for w in workloads()])


def megabytes(text: str) -> float:
    found = re.fullmatch(r"(\d+)(Mi|Gi|mb|gb)", text)
    assert found, text
    return int(found[1]) * (1 if found[2].lower()[0] == "m" else 1024)


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def graceful_timeout() -> int:
    """Return what `gunicorn.conf.py` sets; importing it would read the environment."""
    for node in ast.parse((ROOT / "gunicorn.conf.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == (
            "graceful_timeout"
        ):
            return int(ast.literal_eval(node.value))
    raise AssertionError("no graceful_timeout")


def test_every_file_is_applied_or_known_to_be_apart() -> None:
    apart = {"kustomization.yaml", "secret.example.yaml", "service-monitor.yaml"}
    files = {path for path in FOLDER.rglob("*.yaml") if path.name not in apart}

    assert set(kustomized()) == files


def test_names_of_objects_are_unique() -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in applied()]

    assert len(set(names)) == len(names)


@each_of_ours
def test_every_variable_is_a_setting(one: Workload) -> None:
    assert one.environment()
    assert set(one.environment()) <= NAMES


@pytest.mark.parametrize("name", PAIRS)
def test_every_variable_of_the_compose_file_is_a_setting(name: str) -> None:
    assert set(COMPOSE[name]["environment"]) <= NAMES


@each_of_ours
def test_the_product_takes_the_values(
    one: Workload, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in one.environment().items():
        monkeypatch.setenv(name, value)

    settings = load_settings(one.environment())

    for name, value in one.environment().items():
        assert getattr(settings, name.lower()) is not None, (name, value)


@pytest.mark.parametrize("name", ["tanya", "tanya-worker"])
def test_pods_keep_nothing_of_their_own(name: str) -> None:
    values = {key.lower(): v for key, v in workload(name).environment().items()}

    settings = make_settings(**values)

    assert not settings.embedded_redis
    assert not settings.embedded_vectors
    assert settings.sql_url.startswith("postgresql+psycopg://")
    assert settings.state_fallback == "refuse"


def test_service_and_workers_see_the_same_stores() -> None:
    service = workload("tanya").environment()
    worker = workload("tanya-worker").environment()

    assert {key: service[key] for key in worker} == worker
    assert {"REDIS_URL", "QDRANT_URL", "DATABASE_URL", "QDRANT_API_KEY"} <= set(worker)


def test_keys_of_callers_are_not_given_to_who_needs_none() -> None:
    for name in ("tanya-worker", "tanya-migrate"):
        assert "API_KEY" not in workload(name).environment()
    assert set(workload("tanya-web-chat").environment()) == {"SERVICE_URL", "API_KEY"}


def test_an_embedding_key_reaches_the_workers_when_there_is_one() -> None:
    values = secrets()
    values["tanya-keys"]["OPENAI_API_KEY"] = "sk"

    assert workload("tanya-worker").environment(values)["OPENAI_API_KEY"] == "sk"


def test_the_example_holds_no_secret() -> None:
    for values in secrets().values():
        for value in values.values():
            assert "CHANGE-ME" in value
            assert not re.search(r"[0-9a-f]{16}", value)


@each
def test_probes_and_services_name_ports_that_are_there(one: Workload) -> None:
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = one.container.get(kind, {})
        port = probe.get("httpGet", probe.get("tcpSocket", {})).get("port")
        assert port is None or port in one.ports
    if one.kind == "StatefulSet":
        assert one.spec["serviceName"] in {
            service["metadata"]["name"] for service in of_kind("Service")
        }


def test_containers_listen_where_the_image_says() -> None:
    told = dict(re.findall(r"\b([A-Z_]+)=(\S+)", DOCKERFILE))

    assert workload("tanya").ports == {"http": int(told["PORT"])}
    assert workload("tanya-web-chat").ports == {"http": int(told["UI_PORT"])}
    assert told["HOST"] == "0.0.0.0"
    assert {told["PORT"], told["UI_PORT"]} == set(
        re.findall(r"\d+", re.findall(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE)[0])
    )


@each_of_ours
def test_what_the_image_writes_to_is_writable(one: Workload) -> None:
    told = dict(re.findall(r"\b([A-Z_]+)=(\S+)", DOCKERFILE))
    empty = {v["name"] for v in one.pod["volumes"] if "emptyDir" in v}
    places = {
        mount["mountPath"]
        for mount in one.container["volumeMounts"]
        if mount["name"] in empty
    }

    assert {told["DATA_DIR"], told["HOME"]} <= places


@each_of_ours
def test_the_command_is_there(one: Workload) -> None:
    command = one.container.get("command")
    if command is None:
        command = yaml.safe_load(re.findall(r"^CMD (.*)$", DOCKERFILE, re.M)[-1])
        assert command[0] == "gunicorn"
        assert command[1:] == ["-c", "gunicorn.conf.py", "wsgi:app"]
        assert (ROOT / "gunicorn.conf.py").is_file()
        assert (ROOT / "wsgi.py").is_file()
    elif command[1] == "-m":
        assert command[0] == "python"
        package = find_spec(f"{command[2]}.__main__") or find_spec(command[2])
        assert package is not None
        assert Path(str(package.origin)).is_relative_to(ROOT)
    else:
        assert command[0] == "python"
        assert (ROOT / command[1]).is_file()


def test_the_worker_s_command_is_one_of_the_command_line() -> None:
    _, _, package, *arguments = workload("tanya-worker").container["command"]

    assert package == "knowledge"
    assert build_parser().parse_args(arguments).command == "work"


@pytest.mark.parametrize(("there", "here"), PAIRS.items())
def test_compose_file_and_manifests_run_the_same(there: str, here: str) -> None:
    assert COMPOSE[there].get("command") == workload(here).container.get("command")
    assert COMPOSE[there]["read_only"]
    assert COMPOSE[there]["image"].partition(":")[0] == IMAGE


@pytest.mark.parametrize("name", ["redis", "qdrant", "postgres"])
def test_compose_file_and_manifests_run_the_same_servers(name: str) -> None:
    image = workload(name).container["image"]

    assert image.removesuffix("-unprivileged") == COMPOSE[name]["image"]


@pytest.mark.parametrize(
    "command",
    [COMPOSE["redis"]["command"], workload("redis").container["command"]],
    ids=["compose", "kubernetes"],
)
def test_redis_has_room_for_turns_beside_all_uploads(command: list[str]) -> None:
    room = megabytes(command[command.index("--maxmemory") + 1])

    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"
    assert room * 1024 * 1024 >= 1.5 * MOST_WAITING_BYTES


def test_redis_may_use_twice_what_it_holds() -> None:
    container = workload("redis").container
    command = container["command"]
    room = megabytes(command[command.index("--maxmemory") + 1])

    assert megabytes(container["resources"]["limits"]["memory"]) >= 2 * room


def test_a_pod_is_killed_later_than_its_last_turn_ends() -> None:
    service = workload("tanya")
    command = service.container["lifecycle"]["preStop"]["exec"]["command"]

    assert command == ["sleep", "5"]
    assert (
        service.pod["terminationGracePeriodSeconds"] >= 5 + graceful_timeout() + 5 + 1
    )
    assert seconds(COMPOSE["app"]["stop_grace_period"]) >= graceful_timeout() + 5


def test_memory_is_asked_for_what_the_processes_need() -> None:
    container = workload("tanya").container
    processes = int(workload("tanya").environment()["WEB_CONCURRENCY"])
    document = 512 + 16 * int(workload("tanya").environment()["MAX_DOCUMENT_MB"])

    resources = container["resources"]
    assert megabytes(resources["requests"]["memory"]) >= processes * IN_USE
    limit = megabytes(resources["limits"]["memory"])
    assert limit >= processes * IN_USE + document
    worker = workload("tanya-worker").container["resources"]["limits"]["memory"]
    assert megabytes(worker) >= 260 + document


@each
def test_a_selector_takes_the_pods_of_its_own_workload_only(one: Workload) -> None:
    if one.kind == "Job":
        return
    taken = [w.name for w in workloads() if selects(one.spec["selector"], w.labels)]
    assert taken == [one.name]
    for rule in one.pod.get("topologySpreadConstraints", []):
        assert rule["labelSelector"] == one.spec["selector"]


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget"])
def test_services_and_budgets_are_for_the_workload_of_their_name(kind: str) -> None:
    found = of_kind(kind)

    assert found
    for one in found:
        selector: Any = one["spec"]["selector"]
        if kind == "Service":
            selector = {"matchLabels": selector}
        taken = [w.name for w in workloads() if selects(selector, w.labels)]
        assert taken == [one["metadata"]["name"]]
        for port in one["spec"].get("ports", []):
            ports = workload(taken[0]).ports
            assert ports[port["targetPort"]] == port["port"]


def test_autoscalers_start_with_several_pods_and_are_not_contradicted() -> None:
    found = of_kind("HorizontalPodAutoscaler")

    assert {one["metadata"]["name"] for one in found} == {"tanya", "tanya-worker"}
    for one in found:
        target = one["spec"]["scaleTargetRef"]
        assert one["spec"]["minReplicas"] > 1
        assert "replicas" not in find(target["kind"], target["name"])["spec"]
        requests = workload(target["name"]).container["resources"]["requests"]
        assert {metric["resource"]["name"] for metric in one["spec"]["metrics"]} == (
            {"cpu"} & set(requests)
        )


@each
def test_pods_have_no_right_that_they_do_not_need(one: Workload) -> None:
    person, container = one.pod["securityContext"], one.container["securityContext"]

    assert one.pod["automountServiceAccountToken"] is False
    assert one.pod["enableServiceLinks"] is False
    assert person["runAsNonRoot"] is True
    assert person["runAsUser"] > 0
    assert person["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(one.container["resources"]) == {"requests", "limits"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(one.pod)


@each_of_ours
def test_pods_run_as_the_person_of_the_image(one: Workload) -> None:
    assert f"USER {one.pod['securityContext']['runAsUser']}:" in DOCKERFILE


def test_addresses_of_the_stores_are_services_of_these_manifests() -> None:
    values = workload("tanya").environment()
    for name in ("REDIS_URL", "QDRANT_URL", "DATABASE_URL"):
        address = urlsplit(values[name])
        (port,) = find("Service", str(address.hostname))["spec"]["ports"]
        assert address.port == port["port"]
    address = urlsplit(workload("tanya-web-chat").environment()["SERVICE_URL"])
    (port,) = find("Service", str(address.hostname))["spec"]["ports"]
    assert address.port == port["port"]


def test_images_are_named_in_one_place() -> None:
    (told,) = read(FOLDER / "kustomization.yaml")

    assert [one["name"] for one in told["images"]] == [IMAGE]
