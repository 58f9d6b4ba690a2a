"""Lints the templates. Offline. check.py OUTPUT-DIRECTORY

cfn-lint with rules/ on the SAM template, on what the transform makes of it, on the target role and on the channels; before
that each rule of rules/ is shown one change to good.yaml that it must catch."""

import json
import logging
import os
import pathlib
import sys

from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.rules import RulesCollection
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

HERE = pathlib.Path(__file__).parent
INFRA = HERE.parent

# The rule, what good.yaml says, what its twin says instead.
TWINS = [
    ("E9001", "Minutes: { Type: Number, Default: 5, MinValue: 2 }", "Minutes: { Type: Number, Default: 5 }"),
    ("E9001", "!Sub 'rate(${Minutes} minutes)'", "rate(1 minutes)"),
    ("E9001", "!Sub 'rate(${Minutes} minutes)'", "rate(5 minute)"),
    ("E9002", "BatchSize: 10", "BatchSize: 100"),
    ("E9003", "VisibilityTimeout: 180", "VisibilityTimeout: 179"),
    ("E9003", "      VisibilityTimeout: 180\n", ""),
    ("E9004", "            FunctionResponseTypes: [ReportBatchItemFailures]\n", ""),
    ("E9004", "      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }\n", ""),
    ("E9005", "      AlarmActions: [!Ref Topic]\n", ""),
    ("E9005", "OKActions: [!Ref Topic]", "OKActions: []"),
    ("E9005", "A message failed three times. Read it, mend the cause, redrive it.", "Dead letters"),
    ("E9006", "Period: 3600\n      EvaluationPeriods: 26", "Period: 1800\n      EvaluationPeriods: 49"),
    ("E9006", "EvaluationPeriods: 26", "EvaluationPeriods: 169"),
    ("E9007", "KmsMasterKeyId: !Ref Key", "KmsMasterKeyId: alias/aws/sns"),
    ("E9007", "Properties: { SqsManagedSseEnabled: true }", "Properties: { KmsMasterKeyId: alias/aws/sqs }"),
    ("E9008", "Principal: { Service: cloudwatch.amazonaws.com }", "Principal: { Service: sns.amazonaws.com }"),
    (
        "E9008",
        "Principal: { Service: events.amazonaws.com }\n            Action: [kms:GenerateDataKey*, kms:Decrypt]\n",
        "Principal: { Service: events.amazonaws.com }\n            Action: [kms:GenerateDataKey*, kms:Decrypt]\n"
        "            Condition: { StringEquals: { aws:SourceAccount: !Ref AWS::AccountId } }\n",
    ),
    ("E9009", "      ScheduleExpressionTimezone: UTC\n", ""),
    ("E9009", "FlexibleTimeWindow: { Mode: 'OFF' }", "FlexibleTimeWindow: { Mode: FLEXIBLE, MaximumWindowInMinutes: 5 }"),
    ("E9009", "        RetryPolicy: { MaximumRetryAttempts: 3 }\n        DeadLetterConfig: { Arn: !GetAtt Dead.Arn }\n", ""),
    ("E9009", "<aws.scheduler.scheduled-time>", "now"),
    ("E9010", "          OnFailure: { Type: SQS, Destination: !GetAtt Dead.Arn }\n", "          {}\n"),
    ("E9010", "        MaximumEventAgeInSeconds: 900\n", ""),
    ("E9011", "          DeadLetterConfig: { Arn: !GetAtt Dead.Arn }\n          InputTransformer", "          InputTransformer"),
    ("E9011", "aws:SourceArn: !GetAtt Rule.Arn", "aws:SourceArn: !GetAtt Work.Arn"),
    ("E9012", "'\"<title>\"'", "'<title>'"),
    ("E9012", "'\"<title>\"'", "'\"<title> in <place>\"'"),
    ("E9012", "'\"<title>\"'", '\'{"text": <title>\''),
    ("E9012", "'\"<title>\"'", '\'{"text": <title>, "place": <place>}\''),
    ("E9012", "'\"<title>\"'", '\'{"version": "2", "source": "custom", "content": {"title": "<title>"}}\''),
    ("E9013", '"height": 2, "properties"', '"height": 2 "properties"'),
    ("E9013", '"width": 24', '"width": 25'),
]


def found(text, rules=None):
    """What these rules, or all of cfn-lint's and ours, find."""
    config = ManualArgs(regions=["us-east-1", "eu-west-1"], append_rules=[str(HERE / "rules")])
    return [(match.rule.id, match.message, match.linenumber) for match in lint(text, rules, config=config)]


class NoManagedPolicies:
    """The roles are ours: a managed policy that the transform looks up is a mistake."""

    def load(self):
        return {}


def transformed(text):
    """A SAM template as CloudFormation gets it, with an artifact where `sam package` puts one."""
    source = yaml_parse(text)
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artifacts/code.zip"
    return json.dumps(transform(source, {}, NoManagedPolicies()), indent=1)


def twins():
    """What is wrong with the rules themselves."""
    good = (HERE / "good.yaml").read_text(encoding="utf-8")
    wrong = [f"good.yaml: {one}" for one in found(good)]
    rules = RulesCollection()
    rules.create_from_directory(str(HERE / "rules"))
    for rule, there, instead in TWINS:
        if good.count(there) == 0:
            wrong.append(f"{rule}: good.yaml does not say {there!r}")
        elif rule not in (caught := {one[0] for one in found(transformed(good.replace(there, instead, 1)), rules)}):
            wrong.append(f"{rule} does not catch {instead!r} for {there!r}: {caught or 'nothing'}")
    ours = {line.split('"')[1] for line in (HERE / "rules/vigie.py").read_text("utf-8").splitlines() if line.startswith('    id = "')}
    return wrong + [f"{rule} has no twin" for rule in sorted(ours - {rule for rule, _, _ in TWINS})]


def main(output):
    logging.disable(logging.WARNING)  # the transform counts its calls and grumbles that nobody asks
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    output = pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    wrong = twins()
    (output / "template.json").write_text(transformed((INFRA / "template.yaml").read_text("utf-8")), encoding="utf-8")
    channels = sorted((INFRA / "channels").glob("*.yaml"))
    for path in (INFRA / "template.yaml", output / "template.json", INFRA / "target-role.yaml", *channels):
        wrong += [f"{path.name}:{line}: {rule} {message}" for rule, message, line in found(path.read_text(encoding="utf-8"))]
    print("\n".join(wrong) or f"    {len(TWINS)} twins caught; template.yaml, the same transformed, target-role.yaml, {len(channels)} channels: nothing found")
    return bool(wrong)


sys.exit(main(*sys.argv[1:]))
