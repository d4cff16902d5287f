#!/usr/bin/python3
"""What a GitHub runner does with a composite action of one step, as far as ours goes.

action.py ACTION_DIR [INPUT=VALUE...]: runs the step with the environment that the action's file
gives it. github.token is $TEST_GITHUB_TOKEN. The file is read by a small reader that knows mappings,
one list of one step, plain scalars and comments, and fails on whatever else.
"""

import os
import re
import sys


def read_yaml(path):
    """Nested dictionaries; a list of one mapping is that mapping under the key "-"."""
    root = {}
    stack = [(-1, root)]  # indentation, mapping
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            indent = len(line) - len(line.lstrip(" "))
            text = line.strip()
            if text.startswith("- "):
                stack = [s for s in stack if s[0] < indent]
                step = stack[-1][1].setdefault("-", {})
                assert not step, f"{path}:{number}: more than one step"
                stack.append((indent, step))
                indent, text = indent + 2, text[2:]
            match = re.fullmatch(r"([A-Za-z0-9_-]+):(?: (.*))?", text)
            assert match, f"{path}:{number}: not a line that this reader knows"
            # what would make another value of it in YAML
            value = match[2]
            stack = [s for s in stack if s[0] < indent]
            if value is None:
                mapping = stack[-1][1][match[1]] = {}
                stack.append((indent, mapping))
                continue
            if value == "''":
                value = ""
            assert not re.match(r"[\"'&*!|>%@`{\[]", value), f"{path}:{number}: not a plain scalar"
            assert ": " not in value and " #" not in value, f"{path}:{number}: not a plain scalar"
            assert match[1] not in stack[-1][1], f"{path}:{number}: {match[1]} again"
            stack[-1][1][match[1]] = value
    return root


def evaluate(text, contexts):
    """TEXT with its ${{ a.b || c.d }} replaced; an unknown name is an error, as in a typo."""
    def replace(match):
        value = ""
        for name in match[1].split("||"):
            context, _, key = name.strip().partition(".")
            value = value or contexts[context][key]
        return value
    return re.sub(r"\$\{\{(.*?)\}\}", replace, text)


class Environment(dict):
    def __missing__(self, key):
        return ""


def main():
    directory, *words = sys.argv[1:]
    action = read_yaml(os.path.join(directory, "action.yml"))
    contexts = {"github": {"token": os.environ.get("TEST_GITHUB_TOKEN", "")},
                "env": Environment(os.environ)}
    inputs = {name: evaluate(spec["default"], contexts)
              for name, spec in action["inputs"].items()}
    for word in words:
        name, _, value = word.partition("=")
        assert name in inputs, f"the action has no input {name}"
        inputs[name] = value
    contexts["inputs"] = inputs
    assert action["runs"]["using"] == "composite"
    step = action["runs"]["steps"]["-"]
    assert step["shell"] == "sh"
    script = step["run"]
    assert "${{" not in script, "text pasted into a script could be commands"
    environment = dict(os.environ, GITHUB_ACTION_PATH=os.path.realpath(directory))
    environment.pop("TEST_GITHUB_TOKEN", None)
    for name, value in step["env"].items():
        environment[name] = evaluate(value, contexts)
    os.execvpe("sh", ["sh", "-ec", script], environment)


main()
