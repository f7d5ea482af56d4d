"""What is given for serving several servers is what HAProxy and Kubernetes take, and asks the routes there are."""

from __future__ import annotations

import re
import subprocess

import kubernetes_validate
import pytest
import yaml

from core.settings import PROJECT_ROOT, Settings
from core.web import routes
from tests.support.programs import find_program

DEPLOY = PROJECT_ROOT / "deploy"
ITEMS = yaml.safe_load((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))["items"]
GATEWAY = "gateway.networking.k8s.io"
"""Of an extension, whose kinds are not in the schemas of Kubernetes itself."""


@pytest.mark.parametrize(
    "item", [item for item in ITEMS if GATEWAY not in item["apiVersion"]], ids=lambda it: it["kind"]
)
def test_kubernetes_takes_the_manifests(item: dict[str, object]) -> None:
    kubernetes_validate.validate(item, "1.33", strict=True)


def test_the_schemas_notice_a_manifest_that_is_wrong() -> None:
    (deployment,) = [item for item in ITEMS if item["kind"] == "Deployment"]
    deployment = {**deployment, "spec": {**deployment["spec"], "replica": 3}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.33", strict=True)


def test_haproxy_takes_its_configuration() -> None:
    checked = subprocess.run(
        [find_program("haproxy"), "-c", "-f", str(DEPLOY / "haproxy.cfg")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_what_is_asked_and_set_is_there() -> None:
    names = ("haproxy.cfg", "kubernetes.yaml", "compose.fleet.yaml")
    texts = {name: (DEPLOY / name).read_text(encoding="utf-8") for name in names}
    asked = {path for text in texts.values() for path in re.findall(r"/keep/\w+", text)}
    assert asked == {"/keep/live", "/keep/ready"}
    assert asked <= {route.path for route in routes()}
    (container,) = ITEMS[0]["spec"]["template"]["spec"]["containers"]
    given = {setting["name"].lower() for setting in container["env"]} - {"forwarded_allow_ips"}
    assert given <= Settings.model_fields.keys()
