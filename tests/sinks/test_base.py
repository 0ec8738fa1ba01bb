import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from collector.content import package_text
from collector.errors import SinkRefused
from collector.model.catalogue import load
from collector.model.finding import Births
from collector.sinks.base import FileSecret, Secret, degraded, reveal


def test_a_secret_in_the_settings_does_not_print_itself():
    secret = TypeAdapter(Secret).validate_python("geheim")
    assert "geheim" not in repr(secret)
    assert reveal(secret) == "geheim"


def test_a_secret_in_a_file_loses_its_line_end_and_is_read_each_time(tmp_path):
    file = tmp_path / "api_key"
    file.write_text("first\n")
    secret = TypeAdapter(Secret).validate_python({"file": str(file)})
    assert reveal(secret) == "first"
    file.write_text("second\r\n")
    assert reveal(secret) == "second"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_a_file_without_a_secret_refuses_with_a_hint(tmp_path, content):
    file = tmp_path / "api_key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SinkRefused) as refused:
        reveal(FileSecret(file=str(file)))
    assert str(file) in refused.value.message
    assert refused.value.hint


def test_nothing_else_is_a_secret():
    with pytest.raises(ValidationError):
        TypeAdapter(Secret).validate_python({"environment": "API_KEY"})
    assert reveal(SecretStr("")) == ""


def test_degraded_is_a_health_event_of_the_catalogue():
    fact = degraded("archive", "a file is gone")
    catalogue = load(package_text("model/fields.yaml"), package_text("model/actions.yaml"))
    event = Births(catalogue, {"host.name": "mx1"}).event("1", 0, fact.action, fact.fields)
    assert event.fields["event.reason"] == "a file is gone"
