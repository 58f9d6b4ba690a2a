"""Reads what `vigie report` rendered, with readers that are not ours, and says what it found.

    read_formats.py SCHEMA MULTITOOL FILE...

SCHEMA: infra/schema/report.schema.json. MULTITOOL: Microsoft's SARIF validator. FILE: NAME.FORMAT; what a format is read by
stands at its function. One line of JSON on standard output: file -> what was counted. What is wrong goes to standard error.
"""

import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter

import botocore
import botocore.session
import jsonschema
import junitparser
import ocsf
import py_ocsf_models.events.findings.compliance_finding as prowler
from botocore.validate import ParamValidator

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class Wrong(Exception):
    pass


def check(true, what):
    if not true:
        raise Wrong(what)


def read_csv(path):
    """Python's csv module, strictly, in both separators that spreadsheets use."""
    text = open(path, newline="", encoding="utf-8").read()
    check("\n" not in text.replace("\r\n", ""), "a line that does not end in CRLF")
    check(not UNPRINTABLE.search(text), "a control or bidirectional character")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    for number, row in enumerate(rows):
        check(len(row) == len(rows[0]), f"row {number} has {len(row)} cells, the header {len(rows[0])}")
    # Where the comma is the decimal sign, the semicolon separates.
    split = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    for cell in [cell for row in rows + split for cell in row]:
        check(not cell.lstrip(" \"'\u00a0").startswith(STARTS) or cell.startswith("'"), f"a formula: {cell!r}")
    named = [dict(zip(rows[0], row)) for row in rows[1:]]
    return Counter(row["outcome"] for row in named) | Counter(muted=sum(1 for row in named if row["mute_owner"]))


def read_junit(path):
    """junitparser; the counts that the suites claim are those of their cases."""
    counted = Counter()
    suites = junitparser.JUnitXml.fromfile(path)
    for suite in suites:
        of_suite = Counter()
        for case in suite:
            check(case.classname and case.name, f"a case without a name in {suite.name}")
            kinds = [type(result).__name__.lower() for result in case.result] or ["success"]
            check(len(kinds) == 1, f"{case.name} has {kinds}")
            for result in case.result:
                check(result.message and result.type, f"{case.name} does not say why")
            of_suite[kinds[0]] += 1
        claimed = (suite.tests, suite.failures, suite.errors, suite.skipped)
        seen = (of_suite.total(), of_suite["failure"], of_suite["error"], of_suite["skipped"])
        check(claimed == seen, f"{suite.name} claims {claimed}, there are {seen}")
        counted.update(of_suite)
        counted["suites"] += 1
    return counted


# Vigie has no public address yet that could be named.
ALLOWED = {("SARIF2005", "informationUri")}


def read_sarif(path, multitool):
    """Microsoft's SARIF Multitool: the schema, the specification's own rules, and those of GitHub's code scanning."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = os.path.join(folder, "given.sarif"), os.path.join(folder, "found.sarif")
        os.symlink(os.path.abspath(path), given)
        environment = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": folder, "DOTNET_BUNDLE_EXTRACT_BASE_DIR": folder}
        command = [multitool, "validate", given, "--rule-kind", "Sarif;Ghas", "--output", found]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True)
        check(os.path.exists(found), f"the validator did not run: {ran.stdout} {ran.stderr}")
        told = json.load(open(found, encoding="utf-8-sig"))["runs"][0]
    invocations = told.get("invocations", [])
    check(all(run.get("executionSuccessful") for run in invocations), f"the validator stopped: {invocations}")
    rules = {rule["id"]: rule for rule in told["tool"]["driver"].get("rules", [])}
    for result in told.get("results", []):
        words = result["message"]
        text = words.get("text") or rules[result["ruleId"]]["messageStrings"][words["id"]]["text"].format(*words.get("arguments", []))
        if result.get("level", "warning") in ("error", "warning"):
            rule = result["ruleId"].split("/")[0]
            known = any(rule == allowed and part in text for allowed, part in ALLOWED)
            check(known, f"{result['ruleId']}: {text}")
    log = json.load(open(path, encoding="utf-8"))
    counted, prints = Counter(runs=len(log["runs"])), []
    for run in log["runs"]:
        for result in run["results"]:
            check((result["kind"] == "fail") == (result["level"] != "none"), f"kind and level: {result}")
            prints.append(result["partialFingerprints"]["primaryLocationLineHash"])
            if result.get("baselineState") == "absent":
                counted["absent"] += 1
                continue
            counted[result["kind"]] += 1
            counted["suppressed"] += bool(result["suppressions"])
            if "baselineState" in result:
                counted[result["baselineState"]] += 1
    check(len(set(prints)) == len(prints), "two results with one fingerprint")
    return counted


class Ocsf:
    """The published schema of OCSF, as pydantic-ocsf ships it. Its own models mix up enumerations of one name, so that an
    event is held against the schema here: attributes, requirements, types, enumerations, constraints."""

    PYTHON = {"integer_t": int, "long_t": int, "timestamp_t": int, "string_t": str, "boolean_t": bool, "json_t": object}

    def __init__(self, version):
        place = os.path.join(os.path.dirname(ocsf.__file__), "schemas", f"v{version.replace('.', '_')}.json")
        self.schema = json.load(open(place, encoding="utf-8"))
        check(self.schema["version"] == version, f"{place} is of {self.schema['version']}")

    def attributes(self, kind, name):
        """Of a class or object, with those that it inherits, laid over the dictionary's."""
        of = self.schema[kind][name]
        inherited = self.attributes(kind, of["extends"]) if of.get("extends") in self.schema[kind] else {}
        merged = dict(inherited)
        for attribute, spec in of.get("attributes", {}).items():
            if attribute.startswith("$"):
                continue
            base = merged.get(attribute) or self.schema["dictionary"]["attributes"].get(attribute, {})
            merged[attribute] = {**base, **spec, "enum": {**(base.get("enum") or {}), **(spec.get("enum") or {})}}
        return merged

    def constraints(self, kind, name):
        of = self.schema[kind].get(name, {})
        return {**self.constraints(kind, of["extends"]), **(of.get("constraints") or {})} if "extends" in of else {}

    def hold(self, kind, name, value, at):
        check(isinstance(value, dict), f"{at} is no object")
        known = self.attributes(kind, name)
        for attribute, spec in known.items():
            missing = spec.get("requirement") == "required" and attribute not in value
            check(not missing, f"{at}.{attribute} is required")
        at_least_one = self.constraints(kind, name).get("at_least_one", [])
        check(not at_least_one or any(one in value for one in at_least_one), f"{at} needs one of {at_least_one}")
        for attribute, inner in value.items():
            check(attribute in known, f"{at}.{attribute} is not in the schema")
            spec, place = known[attribute], f"{at}.{attribute}"
            check(isinstance(inner, list) == bool(spec.get("is_array")), f"{place}: a list or not")
            for one in inner if isinstance(inner, list) else [inner]:
                self.one(spec, one, place)

    def one(self, spec, value, at):
        kind = spec["type"]
        types = self.schema["dictionary"]["types"]["attributes"]
        if kind in self.schema["objects"] and kind != "object":
            return self.hold("objects", kind, value, at)
        if kind == "object":
            return check(isinstance(value, dict), f"{at} is no object")
        python = self.PYTHON.get(kind) or self.PYTHON[types[kind]["type"]]
        check(isinstance(value, python) and not (python is int and isinstance(value, bool)), f"{at}: {value!r} is no {kind}")
        # The server that compiles the schema fills in the enumerations of these; their values are checked below.
        enum = spec.get("enum") if spec.get("caption") not in ("Class ID", "Category ID") else None
        check(not enum or str(value) in enum, f"{at}: {value!r} is not of {list(enum or [])}")


def read_ocsf(path):
    """The published schema of OCSF 1.7.0, and the models that Prowler writes with."""
    events = json.load(open(path, encoding="utf-8"))
    schema, counted, uids = Ocsf("1.7.0"), Counter(), []
    for event in events:
        schema.hold("events", "compliance_finding", event, "event")
        check(event["class_uid"] == 2003 and event["category_uid"] == 2, "class_uid or category_uid is another class's")
        again = prowler.ComplianceFinding.model_validate(event)
        check(again.finding_info.uid == event["finding_info"]["uid"], "the second reader reads another finding")
        check(event["type_uid"] == event["class_uid"] * 100 + event["activity_id"], "type_uid")
        check(event["metadata"]["version"] == "1.7.0", "another version of OCSF")
        uids.append(event["finding_info"]["uid"])
        counted[event["compliance"]["status"]] += 1
        counted["suppressed"] += event["status_id"] == 3
        counted[event["activity_name"]] += 1
    check(len(set(uids)) == len(uids), "two findings with one uid")
    return counted


def security_hub():
    """The service's model as botocore ships it, and its shapes with their documentation."""
    place = os.path.join(os.path.dirname(botocore.__file__), "data", "securityhub", "2018-10-26", "service-2.json.gz")
    shapes = json.load(gzip.open(place))["shapes"]
    session = botocore.session.Session()
    return session.get_service_model("securityhub").operation_model("BatchImportFindings").input_shape, shapes


LENGTH = re.compile(r"Maximum (?:length )?of (\d+)(?: length)?")


def lengths(shapes, name, value, at):
    """botocore knows lengths, enumerations and patterns, and checks none of them: the rest of the service's own model."""
    shape = shapes[name]
    if shape["type"] == "structure":
        for member, inner in value.items():
            of_member = shape["members"][member]
            longest = LENGTH.search(of_member.get("documentation", "")) if isinstance(inner, str) else None
            if longest:
                check(1 <= len(inner) <= int(longest[1]), f"{at}.{member} has {len(inner)} characters of {longest[1]}")
            lengths(shapes, of_member["shape"], inner, f"{at}.{member}")
    elif shape["type"] == "list":
        for index, inner in enumerate(value):
            lengths(shapes, shape["member"]["shape"], inner, f"{at}[{index}]")
    elif shape["type"] == "map":
        for inner in value.values():
            lengths(shapes, shape["value"]["shape"], inner, f"{at}{{}}")
    elif shape["type"] == "string":
        check(not shape.get("enum") or value in shape["enum"], f"{at}: {value!r} is not of {shape.get('enum')}")
        pattern = shape.get("pattern")
        check(not pattern or re.fullmatch(pattern, value, re.S), f"{at}: {value!r} is not like {pattern}")


def read_asff(path):
    """botocore's validation of BatchImportFindings, and the limits that the service's model documents."""
    findings = json.load(open(path, encoding="utf-8"))
    shape, shapes = security_hub()
    counted, ids = Counter(), []
    for start in range(0, len(findings), 100):
        batch = {"Findings": findings[start : start + 100]}
        report = ParamValidator().validate(batch, shape)
        check(not report.has_errors(), report.generate_report())
        check(len(json.dumps(batch)) < 6_000_000, "a batch of more than 6 MB")
        lengths(shapes, "BatchImportFindingsRequest", batch, "")
    for finding in findings:
        fields = finding["ProductFields"]
        check(len(fields) <= 50, "more than 50 product fields")
        check(all(len(k) <= 128 and len(v) <= 2048 for k, v in fields.items()), "a product field is too long")
        check(finding["ProductArn"].count(finding["AwsAccountId"]) == 2, "the product is another account's")
        check(finding["CreatedAt"] <= finding["UpdatedAt"], "updated before it was created")
        ids.append(finding["Id"])
        if finding["RecordState"] == "ARCHIVED":
            counted["ARCHIVED"] += 1
            continue
        counted[finding["Compliance"]["Status"]] += 1
        counted["suppressed"] += finding.get("Workflow", {}).get("Status") == "SUPPRESSED"
    check(len(set(ids)) == len(ids), "two findings with one id")
    return counted


def read_json(path, schema):
    """Our own schema, as jsonschema reads it."""
    report = json.load(open(path, encoding="utf-8"))
    schema = json.load(open(schema, encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(report)
    outcomes = Counter(finding["outcome"] for view in report["environments"] for finding in view["findings"])
    return outcomes | Counter(new=len(report["new"]), resolved=len(report["resolved"]), stays=len(report["stays"]))


def main(schema, multitool, *files):
    readers = {
        "csv": read_csv,
        "junit": read_junit,
        "sarif": lambda path: read_sarif(path, multitool),
        "ocsf": read_ocsf,
        "asff": read_asff,
        "json": lambda path: read_json(path, schema),
    }
    found, wrong = {}, False
    for path in files:
        name = os.path.basename(path)
        try:
            found[name] = readers[name.rsplit(".", 1)[1]](path)
        except Exception as error:
            wrong = True
            print(f"{name}: {type(error).__name__}: {str(error)[:2000]}", file=sys.stderr)
    print(json.dumps(found))
    sys.exit(1 if wrong else 0)


main(*sys.argv[1:])
