"""In: what the settings say of a peer's certificate. Out: the TLS context by which every sink trusts it."""

from __future__ import annotations

import ssl

from collector.errors import SinkRefused


def context(ca_file: str | None, fingerprint: str | None) -> ssl.SSLContext:
    """Trust the given CA, else those of the system; TLS 1.2 or newer.

    With a fingerprint and no CA nothing is checked here: who connects must compare it. Raises SinkRefused for a ``ca_file`` that cannot be read.
    """
    try:
        made = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise SinkRefused(f"the certificates in {ca_file} cannot be read: {error}", hint="ca_file must be PEM and readable for the service") from error
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if fingerprint and not ca_file:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made
