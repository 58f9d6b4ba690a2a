//! What the stack's template says, read from its text: one place for the memory of the functions and the number of alarms.

use vigie_core::cost::Assumptions;

const TEMPLATE: &str = include_str!("../../../infra/template.yaml");

/// The assumptions that the template decides; an alarm over several metrics is billed for each.
#[must_use]
pub fn assumptions() -> Assumptions {
    let memory = |function: &str, otherwise| number(function, "MemorySize:").unwrap_or(otherwise);
    let default = Assumptions::default();
    Assumptions {
        audit_mb: memory("AuditFunction", default.audit_mb),
        dispatch_mb: memory("DispatchFunction", default.dispatch_mb),
        report_mb: memory("ReportFunction", default.report_mb),
        alarm_metrics: resources("AWS::CloudWatch::Alarm").map(|lines| keys(&lines, "MetricName:")).sum(),
        dashboards: resources("AWS::CloudWatch::Dashboard").map(|_| 1).sum(),
        ..default
    }
}

/// Each resource: its name and its lines. Two spaces in is a name.
fn blocks() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut blocks: Vec<(&str, Vec<&str>)> = Vec::new();
    let inside = TEMPLATE.split("\nResources:\n").nth(1).unwrap_or_default();
    for line in inside.lines().take_while(|line| line.is_empty() || line.starts_with([' ', '#'])) {
        match line.strip_prefix("  ").filter(|rest| !rest.starts_with([' ', '#'])) {
            Some(name) => blocks.push((name.trim_end_matches(':'), Vec::new())),
            None => {
                if let Some((_, lines)) = blocks.last_mut() {
                    lines.push(line.trim());
                }
            }
        }
    }
    blocks
}

fn resources(kind: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let line = format!("Type: {kind}");
    blocks().into_iter().map(|(_, lines)| lines).filter(move |lines| lines.contains(&line.as_str()))
}

fn keys(lines: &[&str], key: &str) -> u32 {
    u32::try_from(lines.iter().filter(|line| line.starts_with(key)).count()).unwrap_or(u32::MAX)
}

fn number(resource: &str, key: &str) -> Option<u32> {
    let (_, lines) = blocks().into_iter().find(|(name, _)| *name == resource)?;
    lines.iter().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default of a parameter.
    fn parameter(name: &str) -> Option<u32> {
        let after = TEMPLATE.split(&format!("\n  {name}:\n")).nth(1)?;
        after.lines().find_map(|line| line.trim().strip_prefix("Default:")?.trim().parse().ok())
    }

    #[test]
    fn memory_and_alarms_are_the_template_s() {
        let found = assumptions();
        assert_eq!((found.audit_mb, found.dispatch_mb, found.report_mb), (512, 256, 512));
        let alarms = resources("AWS::CloudWatch::Alarm").count();
        assert!(usize::try_from(found.alarm_metrics).expect("few") >= alarms, "each looks at one metric or more");
        assert_eq!(found.dashboards, 1);
    }

    #[test]
    fn the_command_s_defaults_are_the_parameters() {
        let default = Assumptions::default();
        assert_eq!(parameter("ConnectionsMinutes"), Some(default.connections_minutes));
        assert_eq!(parameter("RunDays"), Some(default.run_days));
    }

    #[test]
    fn the_template_is_read() {
        assert!(number("AuditFunction", "MemorySize:").is_some());
        assert!(resources("AWS::CloudWatch::Alarm").count() > 10);
        assert_eq!(resources("AWS::KMS::Key").count(), 1, "the plan counts one customer key");
        assert_eq!(resources("AWS::Scheduler::Schedule").count(), 3);
        assert_eq!(resources("AWS::SecretsManager::Secret").count(), 1);
    }
}
