"""Reads values.yaml with its comments, and makes the table of values from it."""

import yaml

# Longer defaults are named by their kind; values.yaml has them in full.
DEFAULT_MAX = 48
# What Kubernetes defines is one value, however deep its default is.
WHOLE = {"resources", "nodeSelector", "tolerations", "affinity", "podLabels", "podAnnotations", "annotations", "updateStrategy",
         "dnsConfig"}


def leaves(values, path=()):
    """Yields the path of every value that one sets."""
    for key, value in values.items():
        if isinstance(value, dict) and key not in WHOLE:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def comments(text):
    """The comment above each key, by the key's path."""
    found, path, above = {}, [], []
    for line in text.splitlines():
        words = line.strip()
        if not words:
            above = []
        elif words.startswith("#"):
            above.append(words.lstrip("# "))
        elif not words.startswith("-"):
            depth = (len(line) - len(line.lstrip())) // 2
            path = [*path[:depth], words.split(":")[0]]
            found[tuple(path)] = " ".join(above)
            above = []
    return found


def default_text(value):
    if value in ("", [], {}):
        return "none"
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).strip().removesuffix("\n...")
    return f"`{text}`" if len(text) <= DEFAULT_MAX else "see values.yaml"


def value_table(path):
    """The table of all values, in the order of values.yaml."""
    text = path.read_text()
    values, said = yaml.safe_load(text), comments(text)
    rows = ["| value | default | meaning |\n", "|---|---|---|\n"]
    for leaf in leaves(values):
        value = values
        for key in leaf:
            value = value[key]
        # What both components have is explained once.
        meaning = said.get(leaf) or said.get(("server", *leaf[1:]), "")
        if not meaning:
            raise SystemExit(f"values.yaml says nothing about {'.'.join(leaf)}")
        rows.append(f"| `{'.'.join(leaf)}` | {default_text(value)} | {meaning} |\n")
    return "".join(rows)
