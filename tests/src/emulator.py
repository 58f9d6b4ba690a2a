"""Starts ministack with what its EventBridge Scheduler lacks.

As AWS does:
- `<aws.scheduler.scheduled-time>` and its kin in a target's Input are replaced
  (docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html);
- a function is invoked asynchronously, with its own retries and on-failure destination; what cannot be invoked goes to
  the schedule's dead-letter queue.

- `MaximumConcurrency` given by a parameter, a text in CloudFormation, is a number;
- a stack may have an alarm on metric math. Here it exists, and its state never moves: it stands on no metric.

As only a test does: the file SCHEDULES says when an enabled schedule fires. A number: so many seconds after it was made,
and again and again. `off`: never. No such file: when its expression says.
"""

import json
import os
import time
import uuid

from ministack import app
from ministack.core.arn import parse_arn
from ministack.services import eventbridge, lambda_svc, scheduler
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


eventbridge._invoke_target = fire
eventbridge._parse_rate_seconds = paced_rate
lambda_svc._sqs_esm_concurrency = concurrency_of
provisioners._cw_metric_alarm_record = alarm_of
scheduler._tick_schedules = paced_tick
scheduler._SCHEDULE_TICK_INTERVAL = 1
app.main()
