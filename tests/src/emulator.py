"""Starts ministack with what its EventBridge and CloudFormation lack.

As AWS does:
- `<aws.scheduler.scheduled-time>` and its kin in a target's Input are replaced
  (docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html);
- a function is invoked asynchronously, with its own retries and on-failure destination; what cannot be invoked goes to
  the schedule's dead-letter queue.

- `MaximumConcurrency` given by a parameter, a text in CloudFormation, is a number;
- a stack may have an alarm on metric math. Here it exists, and its state never moves: it stands on no metric.

- a stack may have connections and API destinations;
- what an API destination does not take is tried again after 401, 407, 409, 429, 5xx and no answer, as often as the target's
  retry policy says, and then goes to the target's dead-letter queue; after any other answer it goes there at once
  (docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html, "API destination error codes"; eb-rule-dlq.html).

As only a test does: between two tries there is no pause.

As only a test does: the file SCHEDULES says when an enabled schedule fires. A number: so many seconds after it was made,
and again and again. `off`: never. No such file: when its expression says.
"""

import contextvars
import json
import os
import threading
import time
import uuid

from ministack import app
from ministack.core.arn import parse_arn
from ministack.services import eventbridge, lambda_svc, scheduler, sqs
from ministack.services.cloudformation import provisioners

CONTROL = os.environ.pop("SCHEDULES", "")

deliver = eventbridge._invoke_target
rate = eventbridge._parse_rate_seconds
tick = scheduler._tick_schedules
alarm = provisioners._cw_metric_alarm_record
concurrency = lambda_svc._sqs_esm_concurrency


def pace():
    """What the control file says: None, "off" or seconds."""
    try:
        with open(CONTROL, encoding="utf-8") as file:
            said = file.read().strip()
    except OSError:
        return None
    return said if said == "off" else int(said)


def paced_rate(expression):
    """An expression that the emulator understands, at the test's pace."""
    natural = rate(expression)
    valid = natural is not None or eventbridge._parse_cron_fields(expression) is not None
    seconds = pace()
    return seconds if valid and isinstance(seconds, int) else natural


def paced_tick():
    if pace() != "off":
        tick()


def attributes(schedule, at):
    return {
        "schedule-arn": schedule.get("Arn", ""),
        "scheduled-time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }


def fire(target, event, rule, view=None):
    arn = target.get("Arn", "")
    if ":api-destination/" in arn:
        view = view or eventbridge._pattern_event_view(event)
        target = {**target, "Rule": rule.get("Arn", ""), "Event": json.dumps(view.event_with_detail())}
    if event.get("Source") != "aws.scheduler" or ":lambda:" not in arn:
        return deliver(target, event, rule, view)
    text = target.get("Input") or "{}"
    for name, value in attributes(rule, event["Time"]).items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if function and config:
        record = lambda_svc._execution_record_for_config(function, config)
        return lambda_svc.invoke_async_with_retry(record, json.loads(text))
    dead = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead:
        eventbridge._dispatch_to_sqs(parse_arn(dead), text)


def call(spec, payload, target):
    """An API destination, from a thread of its own: PutEvents waits for nobody."""
    destination = eventbridge._api_destinations[spec.resource.split("/")[1]]
    connection = eventbridge._connections[destination["ConnectionArn"].split("/")[-2]]
    request = eventbridge._build_api_destination_request(
        destination, connection, target.get("HttpParameters") or {}, payload
    )
    headers = eventbridge._connection_auth_headers(connection, None)
    run = contextvars.copy_context().run  # it knows the account
    threading.Thread(target=run, args=(tries, request, headers, target), daemon=True).start()


def tries(request, headers, target):
    """Until it is taken, or given up and buried."""
    most = (target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", 185)
    for tried in range(int(most) + 1):
        try:
            status = eventbridge._api_destination_send_sync(request, headers)
        except Exception:
            status = None
        if status is not None and 200 <= status < 300:
            return
        if not (status is None or status in (401, 407, 409, 429) or status >= 500):
            break
    dead = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead:
        bury(dead, target, {"RETRY_ATTEMPTS": tried, "ERROR_CODE": status or "NO_RESPONSE"})


def bury(dead, target, why):
    """The event as it was, with why it is here."""
    eventbridge._dispatch_to_sqs(parse_arn(dead), target["Event"])
    why = {**why, "RULE_ARN": target["Rule"], "TARGET_ARN": target["Arn"]}
    letter = sqs._queue_by_arn(dead)["messages"][-1]
    letter["message_attributes"] = {key: {"DataType": "String", "StringValue": str(value)} for key, value in why.items()}


def made(kind, answer):
    if answer[0] >= 400:
        raise ValueError(f"AWS::Events::{kind}: {answer[2]!r}")


def connection_made(logical, properties, stack):
    """The ARN ends in an id of AWS's own; an API destination's, too."""
    name = properties.get("Name") or provisioners._physical_name(stack, logical, max_len=64)
    made("Connection", eventbridge._create_connection({**properties, "Name": name}))
    record = eventbridge._connections[name]
    record["ConnectionArn"] += f"/{uuid.uuid4()}"
    return name, {"Arn": record["ConnectionArn"]}


def destination_made(logical, properties, stack):
    name = properties.get("Name") or provisioners._physical_name(stack, logical, max_len=64)
    made("ApiDestination", eventbridge._create_api_destination({**properties, "Name": name}))
    record = eventbridge._api_destinations[name]
    record["ApiDestinationArn"] += f"/{uuid.uuid4()}"
    return name, {"Arn": record["ApiDestinationArn"]}


def concurrency_of(mapping, *rest):
    scaling = mapping.get("ScalingConfig") or {}
    if "MaximumConcurrency" in scaling:
        scaling["MaximumConcurrency"] = int(scaling["MaximumConcurrency"])
    return concurrency(mapping, *rest)


def alarm_of(name, properties):
    if not properties.get("Metrics"):
        return alarm(name, properties)
    plain = {key: value for key, value in properties.items() if key != "Metrics"}
    return alarm(name, {**plain, "Namespace": "MetricMath", "MetricName": name})


provisioners._RESOURCE_HANDLERS["AWS::Events::Connection"] = {
    "create": connection_made,
    "delete": lambda name, _: eventbridge._connections.pop(name, None),
}
provisioners._RESOURCE_HANDLERS["AWS::Events::ApiDestination"] = {
    "create": destination_made,
    "delete": lambda name, _: eventbridge._api_destinations.pop(name, None),
}
eventbridge._dispatch_to_api_destination = call
eventbridge._invoke_target = fire
eventbridge._parse_rate_seconds = paced_rate
lambda_svc._sqs_esm_concurrency = concurrency_of
provisioners._cw_metric_alarm_record = alarm_of
scheduler._tick_schedules = paced_tick
scheduler._SCHEDULE_TICK_INTERVAL = 1
app.main()
