"""In: parcels of one stream each. Out: what a sink must be, and how it is given a secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import AfterValidator, Field, SecretStr

from collector.errors import SinkRefused
from collector.model.alert import Fact
from collector.model.strict_yaml import Strict

if TYPE_CHECKING:
    from collector.model.document import Delivery, Parcel


class Sink(Protocol):
    """Where documents end. Used by one thread; a sink knows nothing of cursors but the token it gave."""

    name: str
    """Its name in the settings, and the owner of its cursors."""

    def resume(self, stream: str, token: bytes | None) -> None:
        """Say where a stream stands: the token of its last committed cursor; None where there is none, or where the cursor jumped over a gap.

        Before the first send of a stream, and again whenever a Delivery was returned whose cursor could not be committed.
        """
        ...

    def send(self, parcel: Parcel) -> Delivery:
        """Deliver, or say what became of each document that was not. May block.

        Raises SinkUnavailable (nothing is known to have got through: wait, then the whole parcel again) and SinkRefused (no
        document is at fault: stop, tell, try again minutes later). After either the same documents may come in another cut.
        """
        ...

    def facts(self) -> tuple[Fact, ...]:
        """Return what there is to tell since the last call."""
        ...

    def close(self) -> None:
        """Give back what is held; may be called twice, and a later send opens it again."""
        ...


def degraded(sink: str, reason: str) -> Fact:
    """Return what a sink tells that goes on, but not as it should."""
    return Fact("agent-health", {"mail.agent.subject": "sink", "mail.agent.state": "degraded", "mail.agent.sink": sink, "event.outcome": "failure", "event.reason": reason})


def _fingerprint(text: str) -> str:
    digits = text.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise ValueError("a fingerprint is the SHA-256 of a certificate: 64 hexadecimal digits, colons allowed")
    return digits


Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
"""SHA-256 of a certificate, as 64 lower-case hexadecimal digits."""


class FileSecret(Strict):
    """A secret that stands alone in a file; read again after each refusal, so that a renewed one needs no restart."""

    file: str = Field(description="File with the secret and nothing else; a line end behind it does not count")


Secret = SecretStr | FileSecret
"""A secret in the settings themselves, or better in a file of its own."""


def reveal(secret: Secret) -> str:
    """Return a secret's text; raises SinkRefused for a file that cannot be read or holds none."""
    if isinstance(secret, SecretStr):
        return secret.get_secret_value()
    try:
        text = Path(secret.file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SinkRefused(f"the secret in {secret.file} cannot be read: {error}", hint="check the file and who may read it") from error
    if not text:
        raise SinkRefused(f"there is no secret in {secret.file}", hint="write it into the file, nothing else")
    return text
