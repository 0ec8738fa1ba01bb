"""In: a rule's tags. Out: threat.* fields by MITRE ATT&CK v18.1; ids, names and tactics of the techniques that the shipped rules name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

TACTICS = {
    "reconnaissance": ("TA0043", "Reconnaissance"),
    "resource-development": ("TA0042", "Resource Development"),
    "initial-access": ("TA0001", "Initial Access"),
    "execution": ("TA0002", "Execution"),
    "persistence": ("TA0003", "Persistence"),
    "privilege-escalation": ("TA0004", "Privilege Escalation"),
    "defense-evasion": ("TA0005", "Defense Evasion"),
    "credential-access": ("TA0006", "Credential Access"),
    "discovery": ("TA0007", "Discovery"),
    "lateral-movement": ("TA0008", "Lateral Movement"),
    "collection": ("TA0009", "Collection"),
    "exfiltration": ("TA0010", "Exfiltration"),
    "command-and-control": ("TA0011", "Command and Control"),
    "impact": ("TA0040", "Impact"),
}
"""Tag after ``attack.`` -> id and name."""

TECHNIQUES: dict[str, tuple[str, tuple[str, ...]]] = {
    "T1040": ("Network Sniffing", ("credential-access", "discovery")),
    "T1046": ("Network Service Discovery", ("discovery",)),
    "T1048": ("Exfiltration Over Alternative Protocol", ("exfiltration",)),
    "T1048.003": ("Exfiltration Over Unencrypted Non-C2 Protocol", ("exfiltration",)),
    "T1070": ("Indicator Removal", ("defense-evasion",)),
    "T1070.002": ("Clear Linux or Mac System Logs", ("defense-evasion",)),
    "T1070.006": ("Timestomp", ("defense-evasion",)),
    "T1070.008": ("Clear Mailbox Data", ("defense-evasion",)),
    "T1078": ("Valid Accounts", ("defense-evasion", "persistence", "privilege-escalation", "initial-access")),
    "T1087": ("Account Discovery", ("discovery",)),
    "T1087.003": ("Email Account", ("discovery",)),
    "T1090": ("Proxy", ("command-and-control",)),
    "T1110": ("Brute Force", ("credential-access",)),
    "T1110.001": ("Password Guessing", ("credential-access",)),
    "T1110.003": ("Password Spraying", ("credential-access",)),
    "T1110.004": ("Credential Stuffing", ("credential-access",)),
    "T1114": ("Email Collection", ("collection",)),
    "T1114.002": ("Remote Email Collection", ("collection",)),
    "T1114.003": ("Email Forwarding Rule", ("collection",)),
    "T1190": ("Exploit Public-Facing Application", ("initial-access",)),
    "T1485": ("Data Destruction", ("impact",)),
    "T1489": ("Service Stop", ("impact",)),
    "T1498": ("Network Denial of Service", ("impact",)),
    "T1499": ("Endpoint Denial of Service", ("impact",)),
    "T1499.002": ("Service Exhaustion Flood", ("impact",)),
    "T1505": ("Server Software Component", ("persistence",)),
    "T1505.003": ("Web Shell", ("persistence",)),
    "T1534": ("Internal Spearphishing", ("lateral-movement",)),
    "T1552": ("Unsecured Credentials", ("credential-access",)),
    "T1552.004": ("Private Keys", ("credential-access",)),
    "T1556": ("Modify Authentication Process", ("credential-access", "defense-evasion", "persistence")),
    "T1557": ("Adversary-in-the-Middle", ("credential-access", "collection")),
    "T1562": ("Impair Defenses", ("defense-evasion",)),
    "T1562.001": ("Disable or Modify Tools", ("defense-evasion",)),
    "T1562.006": ("Indicator Blocking", ("defense-evasion",)),
    "T1562.010": ("Downgrade Attack", ("defense-evasion",)),
    "T1566": ("Phishing", ("initial-access",)),
    "T1566.001": ("Spearphishing Attachment", ("initial-access",)),
    "T1566.002": ("Spearphishing Link", ("initial-access",)),
    "T1584": ("Compromise Infrastructure", ("resource-development",)),
    "T1586": ("Compromise Accounts", ("resource-development",)),
    "T1586.002": ("Email Accounts", ("resource-development",)),
    "T1589": ("Gather Victim Identity Information", ("reconnaissance",)),
    "T1589.002": ("Email Addresses", ("reconnaissance",)),
    "T1595": ("Active Scanning", ("reconnaissance",)),
    "T1595.002": ("Vulnerability Scanning", ("reconnaissance",)),
    "T1600": ("Weaken Encryption", ("defense-evasion",)),
    "T1667": ("Email Bombing", ("impact",)),
    "T1672": ("Email Spoofing", ("defense-evasion",)),
}
"""Id -> name and tactics."""

_SITE = "https://attack.mitre.org"
_TECHNIQUE = re.compile(r"attack\.(t[0-9]{4}(?:\.[0-9]{3})?)")
_OTHER = re.compile(r"[a-z0-9-]+\.[a-z0-9._-]+")


def well_formed(tag: str) -> bool:
    """Say whether a tag is ``attack.t1110.001``, ``attack.credential-access`` or of another namespace (``cve.2026-1``)."""
    if tag.startswith("attack."):
        return _TECHNIQUE.fullmatch(tag) is not None or tag.removeprefix("attack.") in TACTICS
    return _OTHER.fullmatch(tag) is not None


def threat(tags: Iterable[str]) -> dict[str, Any]:
    """Return threat.* as flat lists, nothing for tags without ATT&CK; a sub-technique stands under its parent.

    Tactics are those that the tags name, without any the techniques' own. Techniques outside the table carry their id only.
    """
    named = list(tags)
    found = [match[1].upper() for tag in named if (match := _TECHNIQUE.fullmatch(tag))]
    tactics = [key for tag in named if (key := tag.removeprefix("attack.")) in TACTICS and tag.startswith("attack.")]
    if not tactics:
        tactics = [tactic for technique in found if technique in TECHNIQUES for tactic in TECHNIQUES[technique][1]]
    parents = list(dict.fromkeys(technique.partition(".")[0] for technique in found))
    subs = [technique for technique in dict.fromkeys(found) if "." in technique]
    tactics = list(dict.fromkeys(tactics))
    fields: dict[str, Any] = {}
    if tactics or parents:
        fields["threat.framework"] = "MITRE ATT&CK"
    if tactics:
        ids = [TACTICS[tactic][0] for tactic in tactics]
        fields["threat.tactic.id"] = ids
        fields["threat.tactic.name"] = [TACTICS[tactic][1] for tactic in tactics]
        fields["threat.tactic.reference"] = [f"{_SITE}/tactics/{one}/" for one in ids]
    for prefix, members in (("threat.technique", parents), ("threat.technique.subtechnique", subs)):
        if members:
            fields[f"{prefix}.id"] = members
            fields[f"{prefix}.name"] = [TECHNIQUES[one][0] if one in TECHNIQUES else one for one in members]
            fields[f"{prefix}.reference"] = [f"{_SITE}/techniques/{one.replace('.', '/')}/" for one in members]
    return fields
