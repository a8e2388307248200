"""The files of `deploy/kubernetes` as a cluster would read them."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
IMAGE = "tanya"

Object = dict[str, Any]


@functools.cache
def read(path: Path) -> list[Object]:
    """Return the objects of one file, read once: they are not to be changed."""
    return [one for one in yaml.safe_load_all(path.read_text("utf-8")) if one]


def kustomized(folder: Path = FOLDER) -> Iterator[Path]:
    """Yield the files that `kubectl apply -k` sends, in its order."""
    (told,) = read(folder / "kustomization.yaml")
    for name in told["resources"]:
        path = folder / name
        if path.is_dir():
            yield from kustomized(path)
        else:
            yield path


def applied() -> list[Object]:
    """Return every object that `kubectl apply -k` sends."""
    return [one for path in kustomized() for one in read(path)]


def find(kind: str, name: str) -> Object:
    """Return the one object of that kind and name."""
    (found,) = of_kind(kind, name)
    return found


def of_kind(kind: str, name: str | None = None) -> list[Object]:
    """Return the objects of a kind."""
    return [
        one
        for one in applied()
        if one["kind"] == kind and name in {None, one["metadata"]["name"]}
    ]


def secrets() -> dict[str, dict[str, str]]:
    """Return the values of each secret, as the example has them."""
    return {
        one["metadata"]["name"]: dict(one["stringData"])
        for one in read(FOLDER / "secret.example.yaml")
    }


@dataclass(frozen=True, slots=True)
class Workload:
    """What runs pods."""

    name: str
    kind: str
    spec: Object

    @property
    def template(self) -> Object:
        """What each pod is made from."""
        template: Object = self.spec["template"]
        return template

    @property
    def pod(self) -> Object:
        """The pod itself."""
        pod: Object = self.template["spec"]
        return pod

    @property
    def labels(self) -> dict[str, str]:
        """Labels of its pods."""
        labels: dict[str, str] = self.template["metadata"]["labels"]
        return labels

    @property
    def container(self) -> Object:
        """Its only container."""
        (one,) = self.pod["containers"]
        found: Object = one
        return found

    @property
    def ports(self) -> dict[str, int]:
        """Number of each named port."""
        return {
            port["name"]: port["containerPort"]
            for port in self.container.get("ports", [])
        }

    @property
    def is_ours(self) -> bool:
        """It runs the image of this repository."""
        return bool(self.container["image"] == IMAGE)

    def environment(
        self, of_secrets: Mapping[str, Mapping[str, str]] | None = None
    ) -> dict[str, str]:
        """
        Return its variables, as the kubelet sets them.

        Args:
            of_secrets: Values of each secret; default: the example's.

        Raises:
            KeyError: It refers to something that is not there.
        """
        values = secrets() if of_secrets is None else of_secrets
        result: dict[str, str] = {}
        for source in self.container.get("envFrom", []):
            if "configMapRef" in source:
                result |= find("ConfigMap", source["configMapRef"]["name"])["data"]
            else:
                result |= values[source["secretRef"]["name"]]
        for one in self.container.get("env", []):
            if "value" in one:
                result[one["name"]] = one["value"]
                continue
            wanted = one["valueFrom"]["secretKeyRef"]
            secret = values[wanted["name"]]
            if wanted["key"] in secret or not wanted.get("optional"):
                result[one["name"]] = secret[wanted["key"]]
        return result


def workloads() -> list[Workload]:
    """Return everything that runs pods."""
    return [
        Workload(one["metadata"]["name"], one["kind"], one["spec"])
        for one in applied()
        if one["kind"] in {"Deployment", "StatefulSet", "Job"}
    ]


def workload(name: str) -> Workload:
    """Return the one of that name."""
    (found,) = (one for one in workloads() if one.name == name)
    return found


def selects(selector: Object | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector takes pods with these labels."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels", {})
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    for rule in selector.get("matchExpressions", []):
        if rule["operator"] != "In":
            raise NotImplementedError(rule["operator"])
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


def lets_out(source: Workload, target: Workload, port: int) -> bool:
    """Tell whether policies let pods of *source* call that port of *target*."""
    return _one_way("egress", source, target, port)


def lets_in(source: Workload, target: Workload, port: int) -> bool:
    """Tell whether policies let that port of *target* be called by *source*."""
    return _one_way("ingress", target, source, port)


def _one_way(direction: str, subject: Workload, other: Workload, port: int) -> bool:
    kind, side = direction.capitalize(), "to" if direction == "egress" else "from"
    policies = [
        one["spec"]
        for one in of_kind("NetworkPolicy")
        if kind in one["spec"]["policyTypes"]
        and selects(one["spec"]["podSelector"], subject.labels)
    ]
    if not policies:
        return True
    return any(
        port in {entry["port"] for entry in rule["ports"]}
        and any(
            "namespaceSelector" not in peer
            and selects(peer.get("podSelector"), other.labels)
            for peer in rule[side]
        )
        for policy in policies
        for rule in policy.get(direction, [])
    )
