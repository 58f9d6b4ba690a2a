"""What AWS refuses, or takes and then loses things over, and what cfn-lint does not look at. They run on the template as the
SAM transform makes it: cfn-lint does that itself."""

import json
import re

from cfnlint.rules import CloudFormationLintRule, RuleMatch

DOCS = "https://docs.aws.amazon.com/"


def logical(value):
    """The resource that a Ref, a GetAtt or a Sub of one names; None for anything else."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    (function, of), = value.items()
    if function == "Ref":
        return of
    if function == "Fn::GetAtt":
        return of[0] if isinstance(of, list) else of.split(".")[0]
    if function == "Fn::Sub" and isinstance(of, str):
        named = re.fullmatch(r"\$\{(\w+)(\.\w+)?\}", of)
        return named and named[1]
    return None


def branches(value):
    """A value, or both sides of its Fn::If, without AWS::NoValue."""
    if isinstance(value, dict) and "Fn::If" in value:
        return [one for side in value["Fn::If"][1:] for one in branches(side)]
    return [] if value in (None, {"Ref": "AWS::NoValue"}) else [value]


def items(value):
    """The items of a list, whatever their conditions."""
    whole = [one for side in branches(value) for one in (side if isinstance(side, list) else [side])]
    return [one for item in whole for one in branches(item)]


class Look:
    """A template, by type."""

    def __init__(self, cfn):
        self.cfn = cfn
        self.resources = cfn.template.get("Resources", {})

    def of(self, *types):
        for name, resource in self.resources.items():
            if resource.get("Type") in types:
                yield name, resource.get("Properties", {})

    def get(self, value, kind):
        """The properties of the resource of this type that a value names."""
        found = self.resources.get(logical(value), {})
        return found.get("Properties", {}) if found.get("Type") == kind else None


def say(name, message):
    return RuleMatch(["Resources", name], f"{name}: {message}")


SCHEDULED = ("AWS::Scheduler::Schedule", "AWS::Events::Rule")


class RatePlural(CloudFormationLintRule):
    id = "E9001"
    shortdesc = "rate(1 minute), rate(2 minutes)"
    description = "A rate of one takes the singular, every other the plural: AWS refuses the rest at deployment"
    source_url = DOCS + "scheduler/latest/UserGuide/schedule-types.html"
    tags = ["vigie"]

    def match(self, cfn):
        for name, properties in Look(cfn).of(*SCHEDULED):
            rate = re.fullmatch(r"rate\((\S+) (minute|hour|day)(s?)\)", self.text(properties, cfn))
            if rate and (rate[1] == "1") == bool(rate[3]):
                yield say(name, f"{rate[0]} is not a rate")

    @staticmethod
    def text(properties, cfn):
        """The expression; a parameter of it counts with the smallest value that it may have."""
        value = properties.get("ScheduleExpression", "")
        parameters = cfn.template.get("Parameters", {})
        least = lambda name: str(parameters.get(name, {}).get("MinValue", 1))
        if isinstance(value, dict) and isinstance(value.get("Fn::Sub"), str):
            return re.sub(r"\$\{(\w+)\}", lambda named: least(named[1]), value["Fn::Sub"])
        if isinstance(value, dict):
            return str(parameters.get(value.get("Ref"), {}).get("Default", ""))
        return value


class BatchWindow(CloudFormationLintRule):
    id = "E9002"
    shortdesc = "A batch of more than 10 needs a window"
    description = "SQS gives at most 10 messages a call: a larger batch is refused without MaximumBatchingWindowInSeconds"
    source_url = DOCS + "lambda/latest/dg/services-sqs-configure.html"
    tags = ["vigie"]

    def match(self, cfn):
        for name, properties in Look(cfn).of("AWS::Lambda::EventSourceMapping"):
            size = properties.get("BatchSize", 10)
            if isinstance(size, int) and size > 10 and not properties.get("MaximumBatchingWindowInSeconds"):
                yield say(name, f"batches of {size} without MaximumBatchingWindowInSeconds")


class VisibilitySixTimes(CloudFormationLintRule):
    id = "E9003"
    shortdesc = "Visibility timeout of six function timeouts"
    description = "AWS asks for six times the function's timeout, so that a batch can be tried again before it shows up twice"
    source_url = DOCS + "lambda/latest/dg/services-sqs-configure.html"
    tags = ["vigie"]

    def match(self, cfn):
        look = Look(cfn)
        for name, properties in look.of("AWS::Lambda::EventSourceMapping"):
            queue = look.get(properties.get("EventSourceArn"), "AWS::SQS::Queue")
            function = look.get(properties.get("FunctionName"), "AWS::Lambda::Function")
            if queue is None or function is None:
                continue
            visible, timeout = queue.get("VisibilityTimeout", 30), function.get("Timeout", 3)
            if not isinstance(visible, int) or not isinstance(timeout, int) or visible < 6 * timeout:
                yield say(name, f"visibility {visible} s is not six times the function's {timeout} s")


class PartialFailures(CloudFormationLintRule):
    id = "E9004"
    shortdesc = "A queue's batch fails message by message"
    description = "Without ReportBatchItemFailures one bad message makes its whole batch come again"
    source_url = DOCS + "lambda/latest/dg/services-sqs-errorhandling.html"
    tags = ["vigie"]

    def match(self, cfn):
        look = Look(cfn)
        for name, properties in look.of("AWS::Lambda::EventSourceMapping"):
            queue = look.get(properties.get("EventSourceArn"), "AWS::SQS::Queue")
            if queue is None:
                continue
            if "ReportBatchItemFailures" not in properties.get("FunctionResponseTypes", []):
                yield say(name, "no ReportBatchItemFailures")
            if not queue.get("RedrivePolicy"):
                yield say(name, "its queue has no dead-letter queue")


class AlarmActs(CloudFormationLintRule):
    id = "E9005"
    shortdesc = "An alarm tells somebody what to do"
    description = "An alarm needs an action, also for its end, and a description that says what to do"
    source_url = DOCS + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
    tags = ["vigie"]

    def match(self, cfn):
        for name, properties in Look(cfn).of("AWS::CloudWatch::Alarm"):
            for key in ("AlarmActions", "OKActions"):
                if not items(properties.get(key)):
                    yield say(name, f"no {key}")
            if len(str(properties.get("AlarmDescription", "")).split()) < 8:
                yield say(name, "its AlarmDescription does not say what to do")


class AlarmRange(CloudFormationLintRule):
    id = "E9006"
    shortdesc = "An alarm looks back a day, or seven"
    description = "Period x EvaluationPeriods is at most a day, with periods of an hour and more seven days"
    source_url = DOCS + "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
    tags = ["vigie"]

    def match(self, cfn):
        for name, properties in Look(cfn).of("AWS::CloudWatch::Alarm"):
            stats = [query.get("MetricStat", {}) for query in properties.get("Metrics", [])]
            periods = [one["Period"] for one in [properties, *stats] if isinstance(one.get("Period"), int)]
            if not periods:
                continue
            most = 604800 if min(periods) >= 3600 else 86400
            if max(periods) * properties.get("EvaluationPeriods", 1) > most:
                yield say(name, f"looks back more than {most} seconds")


class AwsKey(CloudFormationLintRule):
    id = "E9007"
    shortdesc = "No topic or queue under AWS's own key"
    description = "The policy of alias/aws/sns and alias/aws/sqs admits no service: what CloudWatch and EventBridge send is lost"
    source_url = DOCS + "sns/latest/dg/sns-key-management.html"
    tags = ["vigie"]

    def match(self, cfn):
        for name, properties in Look(cfn).of("AWS::SNS::Topic", "AWS::SQS::Queue"):
            if "alias/aws/" in json.dumps(properties.get("KmsMasterKeyId", "")):
                yield say(name, "encrypted with AWS's own key")


class TopicKeyAdmits(CloudFormationLintRule):
    id = "E9008"
    shortdesc = "The key of a topic admits who publishes"
    description = (
        "CloudWatch and EventBridge need GenerateDataKey and Decrypt on the key of the topic; for EventBridge a condition on "
        "aws:SourceAccount, aws:SourceArn or aws:SourceOrgID is not supported: with one nothing arrives"
    )
    source_url = DOCS + "sns/latest/dg/sns-key-management.html"
    tags = ["vigie"]

    def match(self, cfn):
        look = Look(cfn)
        for name, properties in look.of("AWS::SNS::Topic"):
            key = look.get(properties.get("KmsMasterKeyId"), "AWS::KMS::Key")
            if key is None:
                continue
            statements = key.get("KeyPolicy", {}).get("Statement", [])
            for service in ("cloudwatch.amazonaws.com", "events.amazonaws.com"):
                if not any(self.admits(statement, service) for statement in statements):
                    yield say(name, f"its key does not admit {service}")

    @staticmethod
    def admits(statement, service):
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if statement.get("Effect") != "Allow" or service not in items(services):
            return False
        if service == "events.amazonaws.com" and "aws:source" in json.dumps(statement.get("Condition", "")).lower():
            return False
        return {"kms:GenerateDataKey*", "kms:Decrypt"} <= set(items(statement.get("Action", [])))


class ScheduleIsWhole(CloudFormationLintRule):
    id = "E9009"
    shortdesc = "A schedule is punctual and loses nothing"
    description = "Time zone, flexible window off, retries, a dead-letter queue, and the scheduled time in its input"
    source_url = DOCS + "scheduler/latest/UserGuide/managing-schedule.html"
    tags = ["vigie"]

    def match(self, cfn):
        for name, properties in Look(cfn).of("AWS::Scheduler::Schedule"):
            target = properties.get("Target", {})
            wanted = {
                "no ScheduleExpressionTimezone": properties.get("ScheduleExpressionTimezone"),
                "its flexible window is not OFF": properties.get("FlexibleTimeWindow", {}).get("Mode") == "OFF",
                "no RetryPolicy": target.get("RetryPolicy"),
                "no DeadLetterConfig": target.get("DeadLetterConfig"),
                "no <aws.scheduler.scheduled-time>": "<aws.scheduler.scheduled-time>" in str(target.get("Input", "")),
            }
            for message, there in wanted.items():
                if not there:
                    yield say(name, message)


class ScheduledHasDestination(CloudFormationLintRule):
    id = "E9010"
    shortdesc = "A scheduled function's failures go somewhere"
    description = "Scheduler invokes asynchronously: its dead-letter queue covers the delivery, the function's on-failure destination the run"
    source_url = DOCS + "lambda/latest/dg/invocation-async-retain-records.html"
    tags = ["vigie"]

    def match(self, cfn):
        look = Look(cfn)
        covered = {
            logical(properties.get("FunctionName"))
            for _, properties in look.of("AWS::Lambda::EventInvokeConfig")
            if properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            and "MaximumRetryAttempts" in properties
            and "MaximumEventAgeInSeconds" in properties
        }
        for name, properties in look.of("AWS::Scheduler::Schedule"):
            arn = properties.get("Target", {}).get("Arn")
            if look.get(arn, "AWS::Lambda::Function") is not None and logical(arn) not in covered:
                yield say(name, f"{logical(arn)} has no retries, maximum age and on-failure destination")


class RuleTargetDeadLetters(CloudFormationLintRule):
    id = "E9011"
    shortdesc = "What a rule cannot deliver is kept"
    description = "A rule's target needs a dead-letter queue whose policy admits that rule"
    source_url = DOCS + "eventbridge/latest/userguide/eb-rule-dlq.html"
    tags = ["vigie"]

    def match(self, cfn):
        look = Look(cfn)
        policies = [
            (queue, json.dumps(properties.get("PolicyDocument", {})))
            for _, properties in look.of("AWS::SQS::QueuePolicy")
            for queue in map(logical, items(properties.get("Queues")))
        ]
        for name, properties in look.of("AWS::Events::Rule"):
            for target in items(properties.get("Targets")):
                queue = logical(target.get("DeadLetterConfig", {}).get("Arn"))
                if queue is None:
                    yield say(name, "a target without DeadLetterConfig")
                elif not any(queue == of and "events.amazonaws.com" in text and f'"{name}"' in text for of, text in policies):
                    yield say(name, f"the policy of {queue} does not admit the rule")


class InputTemplateIsJson(CloudFormationLintRule):
    id = "E9012"
    shortdesc = "A rule's input template is JSON"
    description = (
        "An object, or lines of quoted strings, that names only paths that it declares: AWS refuses the rest, or sends holes. "
        "In an object a path may stand alone, where its value brings its own quotes"
    )
    source_url = DOCS + "eventbridge/latest/userguide/eb-transform-target-input.html"
    tags = ["vigie"]

    def match(self, cfn):
        for name, properties in Look(cfn).of("AWS::Events::Rule"):
            for target in items(properties.get("Targets")):
                transformer = target.get("InputTransformer")
                if transformer:
                    yield from (say(name, wrong) for wrong in self.wrong(transformer))

    @staticmethod
    def wrong(transformer):
        template, paths = transformer.get("InputTemplate", ""), transformer.get("InputPathsMap", {})
        used = set(re.findall(r"<([\w.-]+)>", template))
        yield from (f"<{one}> is no path" for one in sorted(used - set(paths)))
        yield from (f"<{one}> is not used" for one in sorted(set(paths) - used))
        alone = lambda found: found[0] if found[0].startswith('"') else '""'
        is_object = template.lstrip().startswith("{")
        parts = [re.sub(r'"(?:\\.|[^"\\])*"|<[\w.-]+>', alone, template)] if is_object else template.splitlines()
        try:
            filled = [json.loads(part) for part in parts]
        except ValueError as error:
            yield f"its input template is not JSON: {error}"
            return
        chat = filled[0] if isinstance(filled[0], dict) and filled[0].get("source") == "custom" else None
        # Custom notifications of Amazon Q Developer in chat applications: version and source are fixed.
        if chat and not (chat.get("version") == "1.0" and {"title", "description"} <= set(chat.get("content", {}))):
            yield "not a custom notification"


class DashboardIsJson(CloudFormationLintRule):
    id = "E9013"
    shortdesc = "A dashboard's body is JSON, its widgets do not overlap"
    description = "CloudWatch takes a body that is no dashboard, and shows nothing"
    source_url = DOCS + "AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"
    tags = ["vigie"]

    def match(self, cfn):
        for name, properties in Look(cfn).of("AWS::CloudWatch::Dashboard"):
            body = properties.get("DashboardBody", "")
            text, values = body, {}
            if isinstance(body, dict):
                text = body["Fn::Sub"]
                if isinstance(text, list):
                    text, values = text
            # What a value brings is a list of names with a comma behind, or nothing.
            text = re.sub(r"\$\{([\w.:]+)\}", lambda named: "" if named[1] in values else "x", text)
            try:
                widgets = json.loads(text)["widgets"]
            except (ValueError, KeyError, TypeError) as error:
                yield say(name, f"its body is no dashboard: {error}")
                continue
            taken = set()
            for widget in widgets:
                x, y, width, height = (widget.get(key, 0) for key in ("x", "y", "width", "height"))
                area = {(x + dx, y + dy) for dx in range(width) for dy in range(height)}
                if taken & area or x + width > 24:
                    yield say(name, f"the widget at {x}, {y} has no place")
                taken |= area
