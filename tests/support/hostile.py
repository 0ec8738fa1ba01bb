"""What attackers write where a name is asked for: markup, quotes, bidirectional and control characters, length, templates."""

NAMES = ("<script>alert(1)</script>", "\" onload='x' <b>", "\u202egro.elpmaxe@toor", "a\x1b[2J\nb", "x" * 5000, "{{ 7 * 7 }} {% raw %}", "]]>--><svg/onload=x>")
