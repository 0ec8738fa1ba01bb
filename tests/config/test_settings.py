import pytest

from collector.config.settings import Settings, size


def test_sizes_are_written_with_binary_units():
    assert [size("5 B"), size("2KiB"), size("64 MiB"), size("1 GiB")] == [5, 2048, 64 << 20, 1 << 30]
    for wrong in ("1 GB", "64", "-1 KiB", "1.5 GiB", ""):
        with pytest.raises(ValueError, match="is no size"):
            size(wrong)


def test_trusted_clients_are_the_networks_unless_said_otherwise():
    site = Settings.model_validate({"site": {"networks": ["192.0.2.0/24"], "domains": ["Example.ORG."]}}).facts()
    assert site.trusted_clients == ("192.0.2.0/24",)
    assert site.domains == ("example.org",)
    assert site.expand("site.networks") == ("192.0.2.0/24",)
    assert site.expand("site.nothing") is None
    assert site.expand("networks") is None


def test_every_option_says_what_it_is():
    def fields(model):
        for name, info in model.model_fields.items():
            inner = [a for a in (info.annotation, *getattr(info.annotation, "__args__", ())) if hasattr(a, "model_fields")]
            if not inner:
                assert info.description or name in ("file", "rules", "enable"), f"{model.__name__}.{name}"
            for one in inner:
                fields(one)

    fields(Settings)
