import pytest

from collector.config.load import load, overlay
from collector.errors import ConfigError, ContentError


def write(folder, text, name="mailvigil.toml"):
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_everything_has_a_default(tmp_path):
    loaded = load(write(tmp_path, ""), {})
    assert loaded.settings.namespace == "default"
    assert loaded.settings.site.networks == ("127.0.0.1/32", "::1/128")
    assert loaded.origins == {}


def test_later_wins_and_every_key_knows_its_origin(tmp_path):
    main = write(tmp_path, 'namespace = "one"\ntimezone = "Europe/Vienna"\n[site]\ndomains = ["example.org"]\n')
    more = write(tmp_path, 'namespace = "two"\n', "conf.d/10-more.toml")
    loaded = load(main, {"MAILVIGIL_SITE__NETWORKS": '["192.0.2.0/24"]', "MAILVIGIL_HOST": "mx1", "HOME": "/"})
    assert (loaded.settings.namespace, loaded.settings.timezone, loaded.settings.host) == ("two", "Europe/Vienna", "mx1")
    assert loaded.settings.facts().networks == ("192.0.2.0/24",)
    assert loaded.origins == {"namespace": str(more), "timezone": str(main), "site.domains": str(main), "site.networks": "MAILVIGIL_SITE__NETWORKS", "host": "MAILVIGIL_HOST"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('namspace = "x"', "unknown key namspace, did you mean namespace?"),
        ('[sink.elasticsearch]\nhosts = ["https://es.example.org:9200"]\napikey = "x"', "unknown key sink.elasticsearch.apikey, did you mean api_key?"),
        ('timezone = "Mars/Olympus"', "'Mars/Olympus' is no time zone"),
        ('namespace = "Upper"', "lower-case letters"),
        ('[site]\nnetworks = ["192.0.2.1/24"]', "192.0.2.1/24 has host bits set"),
        ('[spool]\nmax_bytes = "1 GB"', "'1 GB' is no size"),
        ('[rules.bf_ip]\nsuppress_for = "soon"', "'soon' is no span of time"),
        ("[[source.file]]\nname = 1", "source.file.0"),
        ("namespace = ", "no TOML"),
        ('namespace = "a"\nnamespace = "b"', "no TOML"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(tmp_path, text, said):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), {})
    assert said in str(caught.value)
    assert str(tmp_path / "mailvigil.toml") in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_that_is_named_must_be_there(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "nothing.toml", {})


def test_secrets_stand_in_files_of_their_own(tmp_path):
    key = write(tmp_path, "s3cret\n", "key")
    text = f'[sink.elasticsearch]\nhosts = ["https://es.example.org:9200"]\napi_key = {{ file = "{key}" }}\n'
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="everybody may read"):
        load(write(tmp_path, text), {})
    key.chmod(0o600)
    loaded = load(write(tmp_path, text), {})
    assert "s3cret" not in repr(loaded)


def test_a_systemd_credential_is_a_file_of_its_folder(tmp_path):
    text = '[sink.elasticsearch]\nhosts = ["https://es.example.org:9200"]\napi_key = { credential = "es" }\n'
    with pytest.raises(ConfigError, match="no systemd credentials"):
        load(write(tmp_path, text), {})
    loaded = load(write(tmp_path, text), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert loaded.settings.sink.elasticsearch.api_key.file == str(tmp_path / "es")


def test_an_overlay_may_be_empty_and_must_exist(tmp_path):
    assert overlay(tmp_path).rules == {}
    with pytest.raises(ConfigError, match="no such folder"):
        overlay(tmp_path / "nothing")
    write(tmp_path, "enable: [bf_ip]\nrulez: {}\n", "overlay.yaml")
    with pytest.raises(ContentError, match=r"overlay.yaml:2:1: unknown key rulez, did you mean rules\?"):
        overlay(tmp_path)


def test_logs_named_in_conf_d_are_read_beside_the_others(tmp_path):
    main = write(tmp_path, '[[source.file]]\npath = "/var/log/mail.log"\n')
    write(tmp_path, '[[source.file]]\npath = "/var/log/dovecot.log"\n', "conf.d/dovecot.toml")
    assert [file.path for file in load(main, {}).settings.source.file] == ["/var/log/mail.log", "/var/log/dovecot.log"]


def test_a_conf_d_that_cannot_be_read_is_no_empty_one(tmp_path):
    main = write(tmp_path, "")
    (tmp_path / "conf.d").write_text("a file")
    with pytest.raises(ConfigError, match=r"conf.d cannot be read"):
        load(main, {})
