"""What a scenario file says, and how it is played and judged.

A scenario is a Python file with a docstring, `RULE` and `fault(lab)`; README.md lists everything else it may say.
"""

import fnmatch
import importlib.util
import threading
import time

from beside import beside
from container import Wrong
from laboratory import Lab, expect, outcome_of, seconds
from world import Snapshot

OUTCOMES = ("healed", "well", "handed-over", "approval", "held", "observed", "nothing")
KNOWN = {
    "RULE": None, "EXPECTED": "healed", "SERVICES": [], "STEPS": [], "CHANGES": [], "MODE": "auto", "ALLOW": None, "TASKS": "", "POLICY": "",
    "SOURCES": "", "SOURCES_ONLY": "", "RULES": {}, "QUICK": False, "MONIT": None, "FAIL2BAN": None, "PATIENCE": 30,
}  # fmt: skip


class Scenario:
    """One file."""

    def __init__(self, path):
        self.name = path.stem
        spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
        self.file = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.file)
        said = {key: value for key, value in vars(self.file).items() if key.isupper() and key[0] != "_"}
        wrong = sorted(set(said) - set(KNOWN))
        expect(not wrong, f"{path.name} says only what is known", *wrong)
        for key, default in KNOWN.items():
            setattr(self, key.lower(), said.get(key, default))
        expect(self.expected in OUTCOMES, f"{path.name}: EXPECTED is one of {', '.join(OUTCOMES)}", self.expected)
        expect(self.file.__doc__, f"{path.name} has a docstring")
        self.title = self.file.__doc__.strip().split("\n\n")[0].replace("\n", " ")

    def call(self, name, *arguments):
        """Runs one of its functions, if it has it."""
        function = getattr(self.file, name, None)
        return function(*arguments) if function else None

    def has(self, name):
        """Whether it has this function."""
        return hasattr(self.file, name)

    def begin(self, world):
        """Starts its services and arranges what there is before the fault."""
        for service in self.services:
            world.run("systemctl", "start", service)
        self.call("prepare", world)
        if self.has("healthy"):
            expect(self.file.healthy(world), "all is well before the fault")

    def inject(self, world):
        """Does the fault and says when: the time `fault` returns, else that before it was called."""
        before = time.time()
        return self.call("fault", world) or before


class Health(threading.Thread):
    """Looks all the time whether the service does its work, in its own right: nobody's word is taken for it."""

    def __init__(self, scenario, world):
        super().__init__(daemon=True)
        self.scenario, self.world, self.ended = scenario, world, threading.Event()
        self.looks = []  # (time before the look, time after it, what was seen)

    def run(self):
        while not self.ended.is_set():
            began = time.time()
            try:
                well = bool(self.scenario.file.healthy(self.world))
            except Exception:
                well = False
            self.looks.append((began, time.time(), well))
            self.ended.wait(0.1)

    def back(self, fault):
        """Milliseconds from the fault until it was well again; None if it was never seen ill or is ill."""
        ill = [began for began, _, well in self.looks if not well]
        if not ill or not self.looks[-1][2]:
            return None
        return round((next(ended for began, ended, well in self.looks if well and began > ill[-1]) - fault) * 1000)

    @property
    def ill(self):
        """Whether it was ever seen ill."""
        return any(not well for _, _, well in self.looks)

    def end(self):
        self.ended.set()
        self.join()


def play(scenario, base, heinzel, others):
    """Plays it and gives its result. Never raises: what went wrong is in the result."""
    result = {"scenario": scenario.name, "title": scenario.title, "services": scenario.services, "expected": scenario.expected}
    result |= {"outcome": None, "detected_ms": None, "started_ms": None, "verified_ms": None, "healthy_ms": None}
    result |= {"wrong_actions": [], "failed": None}
    began = time.monotonic()
    try:
        with Lab(base, heinzel, scenario) as lab:
            try:
                _play(scenario, lab, result)
            except Exception as wrong:
                result["failed"] = wrong if isinstance(wrong, Wrong) else f"{type(wrong).__name__}: {wrong}"
                result["failed"] = str(result["failed"])
                result["journal"] = [line[:300] for line in lab.journal("--unit=heinzel", "--lines=200") if " #" in line][-40:]
        if others:
            result |= beside(scenario, base, Health)
    except Exception as wrong:
        result["failed"] = result["failed"] or f"{type(wrong).__name__}: {wrong}"
    result["seconds"] = round(time.monotonic() - began, 1)
    return result


def _play(scenario, lab, result):
    scenario.begin(lab)
    lab.configure()
    lab.start()
    before = Snapshot(lab.container)
    health = Health(scenario, lab) if scenario.has("healthy") else None
    if health:
        health.start()
    try:
        fault = scenario.inject(lab)
        scenario.call("then", lab)
        _judge(scenario, lab, result, before, fault, health)
    finally:
        if health:
            health.end()


def _judge(scenario, lab, result, before, fault, health):
    number = None
    if scenario.expected == "nothing":
        lab.read_so_far()
    else:
        incident, timeline = lab.becomes(scenario.expected, patience=scenario.patience)
        number = incident["id"]
        result |= times(fault, incident, timeline, scenario.expected)
        scenario.call("after", lab, incident, timeline)
    if health and scenario.expected in ("healed", "well"):
        expect(scenario.file.healthy(lab), "the service is well again, seen from outside")
    # What else it might do, it must have begun by now: whatever is in the journal has been read.
    lab.read_so_far()
    for other in lab.incidents():
        lab.settles(other["id"])
    if health:
        health.end()
        result["healthy_ms"] = health.back(fault)
    lab.stop()
    own = [i for i in lab.incidents() if i["rule"] != "lab.marker"]
    meant = [i for i in own if i["id"] == number]
    result["outcome"] = outcome_of(meant[0]) if meant else "nothing" if not own else "observed"
    result["incident"] = meant[0]["rule"] if meant else None
    result["also"] = sorted({f"{i['rule']} {i['asset']} {outcome_of(i)}" for i in own if i["id"] != number})
    result["steps"] = lab.steps()
    result["wrong_actions"] = wrong_actions(scenario, lab.steps(), before.changes(Snapshot(lab.container)))
    expect(result["outcome"] == scenario.expected, f"it ends {scenario.expected}", result["outcome"], *result["also"])
    expect(not result["wrong_actions"], "nothing else was touched", *result["wrong_actions"])
    missing = [step for step in scenario.steps if not fnmatch.filter(result["steps"], step)]
    expect(not missing, "it took the steps that it should", *missing)


def times(fault, incident, timeline, outcome):
    """The figures of one incident, in milliseconds from the fault."""

    def since(stamp):
        return round((seconds(stamp) - fault) * 1000)

    late = [e for e in timeline if seconds(e["at"]) > fault]
    figures = {"detected_ms": next((since(e["at"]) for e in late if e["what"] in ("opened", "reopened")), None)}
    figures["started_ms"] = next((since(e["at"]) for e in late if e["what"] == "step"), None)
    if outcome in ("healed", "well"):
        figures["verified_ms"] = since(incident["resolved_at"])
    return figures


def wrong_actions(scenario, steps, changes):
    """Steps that the scenario does not expect, more of one than it expects, and what changed that neither the fault nor the fix should change."""
    expected = list(scenario.steps)
    wrong = []
    for step in (step for step in steps if not step.startswith("wait ")):
        fits = next((pattern for pattern in expected if fnmatch.fnmatchcase(step, pattern)), None)
        if fits is None:
            wrong.append(f"step: {step}")
        else:
            expected.remove(fits)
    may = scenario.changes + [f"{service.removesuffix('.service')}.service" for service in scenario.services]
    wrong += [f"changed: {name}" for name in changes if not any(fnmatch.fnmatchcase(name, pattern) for pattern in may)]
    return wrong
