#!/usr/bin/python3
"""Does what a GitHub runner does with our action and with the recipe of scripts/README, as far as these need it.

github.py action DIR [INPUT=VALUE...]   run the step of the composite action in DIR
github.py job FILE [COMMANDS...]        run the steps of the job in FILE, then COMMANDS as more steps

In a job, "checkout" does nothing, because we are in the clone; "cache" keeps its entries in $TEST_CACHE; our action is
the one of this tree; and each "run" is a bash of its own, or the step's "shell", where {0} is a file with the commands.
The files $GITHUB_PATH and $GITHUB_ENV are read after each step. github.token is $TEST_GITHUB_TOKEN.
github.action_repository and github.action_ref are the parts before and after the @ of $TEST_ACTION, for "action", or
of the step's "uses", for "job".
"""

import glob
import hashlib
import os
import re
import shlex
import subprocess
import sys
import tempfile

import yaml

ACTION = "nix-user-chroot/nix-user-chroot/scripts/github-action@"
HERE = os.path.dirname(os.path.realpath(__file__))


def evaluate(text, contexts):
    """Returns TEXT with every ${{ a.b || c.d }} replaced. An unknown name is an error, because it may be a typo."""
    def one(name):
        files = re.fullmatch(r"hashFiles\('([^']*)'\)", name)
        if files:
            with open(files[1], "rb") as f:
                return hashlib.sha256(f.read()).hexdigest()
        context, _, key = name.partition(".")
        return contexts[context][key]

    def replace(match):
        return next(filter(None, (one(n.strip()) for n in match[1].split("||"))), "")
    return re.sub(r"\$\{\{(.*?)\}\}", replace, text)


class Environment(dict):
    def __missing__(self, key):
        return ""


def run_action(directory, given, environment, name):
    """Run the step of the action, with the environment that the action's file gives it."""
    with open(os.path.join(directory, "action.yml"), encoding="utf-8") as f:
        action = yaml.safe_load(f)
    repository, _, ref = name.partition("@")
    contexts = {"github": {"token": environment.get("TEST_GITHUB_TOKEN", ""),
                           "action_repository": "/".join(repository.split("/")[:2]),
                           "action_ref": ref},
                "env": Environment(environment)}
    inputs = {name: evaluate(spec["default"], contexts)
              for name, spec in action["inputs"].items()}
    for name, value in given.items():
        assert name in inputs, f"the action has no input {name}"
        inputs[name] = str(value)
    contexts["inputs"] = inputs
    assert action["runs"]["using"] == "composite"
    [step] = action["runs"]["steps"]
    assert step["shell"] == "sh"
    script = step["run"]
    assert "${{" not in script, "text pasted into a script could be commands"
    environment = dict(environment, GITHUB_ACTION_PATH=os.path.realpath(directory))
    environment.pop("TEST_GITHUB_TOKEN", None)
    # a runner leaves these variables empty in composite actions
    environment.update(GITHUB_ACTION_REPOSITORY="", GITHUB_ACTION_REF="")
    for name, value in step["env"].items():
        environment[name] = evaluate(value, contexts)
    subprocess.run(["sh", "-ec", script], env=environment, check=True)


def later_environment():
    """Returns the environment that the steps so far have set for the next step."""
    environment = dict(os.environ)
    with open(os.environ["GITHUB_ENV"], encoding="utf-8") as f:
        environment.update(line.rstrip("\n").split("=", 1) for line in f)
    with open(os.environ["GITHUB_PATH"], encoding="utf-8") as f:
        for line in f:
            environment["PATH"] = line.rstrip("\n") + ":" + environment["PATH"]
    return environment


def cache_file(key):
    return os.path.join(os.environ["TEST_CACHE"], key + ".tar")


def restore(step, contexts):
    """Restores the entry of the key, or else the newest whose key begins as restore-keys says. Returns what to save."""
    key = evaluate(step["with"]["key"], contexts)
    found = [cache_file(key)]
    if not os.path.exists(found[0]):
        beginning = evaluate(step["with"]["restore-keys"], contexts).strip()
        found = sorted(glob.glob(glob.escape(cache_file(beginning)[:-4]) + "*.tar"),
                       key=os.path.getmtime)
    if found:
        print("cache: restored", os.path.basename(found[-1]), flush=True)
        subprocess.run(["tar", "-xPf", found[-1]], check=True)
    return key, step["with"]["path"].split()


def save(key, paths):
    """Saves an entry. As the cache action does, it leaves out missing files, and does not write an existing key."""
    if not os.path.exists(cache_file(key)):
        paths = [p for p in map(os.path.expanduser, paths) if os.path.lexists(p)]
        subprocess.run(["tar", "-cPf", cache_file(key), *paths], check=True)


def run_step(step, environment):
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as f:
        f.write(step["run"])
        f.flush()
        shell = step.get("shell", "bash --noprofile --norc -eo pipefail {0}")
        # the runner looks for the shell on the PATH that earlier steps have set
        subprocess.run(["env", *(w.replace("{0}", f.name) for w in shlex.split(shell))],
                       env=environment, check=True)


def run_job(path, commands):
    with open(path, encoding="utf-8") as f:
        steps = yaml.safe_load(f)["steps"]
    contexts = {"runner": {"os": "Linux", "arch": "X64"}}
    kept = None
    for step in steps + [{"run": c} for c in commands]:
        uses = step.get("uses", "")
        if uses.startswith("actions/checkout@"):
            continue
        if uses.startswith("actions/cache@"):
            assert set(step["with"]) == {"path", "key", "restore-keys"}
            kept = restore(step, contexts)
        elif uses.startswith(ACTION):
            run_action(os.path.join(HERE, "../../scripts/github-action"), step.get("with", {}),
                       later_environment(), uses)
        else:
            run_step(step, later_environment())
    if kept:
        save(*kept)


def main():
    kind, what, *words = sys.argv[1:]
    if kind == "job":
        run_job(what, words)
    else:
        run_action(what, dict(word.split("=", 1) for word in words), os.environ,
                   os.environ.get("TEST_ACTION", ""))


try:
    main()
except subprocess.CalledProcessError as e:
    sys.exit(e.returncode)
