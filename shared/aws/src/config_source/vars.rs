//! One environment, from the function's environment variables alone. They are written as a vigie.toml, one line a variable,
//! and read by its own parser: one grammar, one set of errors, each under the variable's name.

use std::fmt;

use vigie_core::config::{self, Config};

/// How a variable's value is written down.
#[derive(Clone, Copy)]
enum Form {
    Text,
    /// Comma separated.
    List,
    /// `true` or `false`.
    Flag,
}

/// Variable, section, key, form: in the order of the file.
const FIELDS: &[(&str, &str, &str, Form)] = &[
    ("VIGIE_FINGERPRINT_KEY", "", "fingerprint_key", Form::Text),
    ("VIGIE_METRICS", "", "metrics", Form::Text),
    ("VIGIE_RUNS_BUCKET", "runs", "bucket", Form::Text),
    ("VIGIE_ALERTS_BUS", "alerts", "bus", Form::Text),
    ("VIGIE_RESOLVER", "network", "resolver", Form::Text),
    ("VIGIE_EXTRA_CA", "network", "extra_ca", Form::Text),
    ("VIGIE_PUBLIC", "network", "public", Form::Flag),
    ("VIGIE_CLASS", "environment", "class", Form::Text),
    ("VIGIE_VARIABLES", "environment", "variables", Form::List),
    ("VIGIE_ROLE", "environment", "role", Form::Text),
    ("VIGIE_EXTERNAL_ID", "environment", "external_id", Form::Text),
    ("VIGIE_APP_ROLE", "environment", "app_role", Form::Text),
    ("VIGIE_REGION", "environment", "region", Form::Text),
    ("VIGIE_WRITES", "environment", "writes", Form::Text),
    ("VIGIE_OPTIONAL", "environment", "optional", Form::List),
    ("VIGIE_REPORT_FROM", "report", "from", Form::Text),
];
/// Of every recipient.
const RECIPIENT: &[(&str, &str)] = &[("VIGIE_REPORT_LANGUAGE", "language"), ("VIGIE_REPORT_TIME_ZONE", "time_zone")];
const ENVIRONMENT: &str = "VIGIE_ENVIRONMENT";
const REPORT_TO: &str = "VIGIE_REPORT_TO";

/// All environment variables of a function, in bytes. Source: AWS Lambda developer guide, "Lambda quotas".
const LONGEST: usize = 4 * 1024;

/// Every variable that counts; VIGIE_CONFIG, which names a whole configuration, comes before them.
pub const VARIABLES: &[&str] = &[
    "VIGIE_ENVIRONMENT",
    "VIGIE_CLASS",
    "VIGIE_VARIABLES",
    "VIGIE_RUNS_BUCKET",
    "VIGIE_REPORT_FROM",
    "VIGIE_REPORT_TO",
    "VIGIE_REPORT_LANGUAGE",
    "VIGIE_REPORT_TIME_ZONE",
    "VIGIE_WRITES",
    "VIGIE_FINGERPRINT_KEY",
    "VIGIE_METRICS",
    "VIGIE_ALERTS_BUS",
    "VIGIE_RESOLVER",
    "VIGIE_EXTRA_CA",
    "VIGIE_PUBLIC",
    "VIGIE_ROLE",
    "VIGIE_EXTERNAL_ID",
    "VIGIE_APP_ROLE",
    "VIGIE_REGION",
    "VIGIE_OPTIONAL",
];

/// What is wrong with one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VarsError {
    pub variable: String,
    /// What is wrong and what was expected.
    pub what: String,
}

/// All that is wrong, at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct VarsErrors(pub Vec<VarsError>);

impl fmt::Display for VarsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let separator = if i > 0 { "\n" } else { "" };
            write!(f, "{separator}{}: {}", error.variable, error.what)?;
        }
        Ok(())
    }
}

/// The configuration of the one environment that VIGIE_ENVIRONMENT names; `None` when it is not set.
///
/// # Errors
/// Everything that is wrong, each under its variable.
pub fn from_vars(vars: impl Fn(&str) -> Option<String>) -> Result<Option<Config>, VarsErrors> {
    let given = |name: &str| vars(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    let length: usize = VARIABLES.iter().filter_map(|name| given(name).map(|value| name.len() + value.len())).sum();
    if length > LONGEST {
        let what =
            format!("{length} bytes; a function has at most {LONGEST}: use `vigie config push` and the runs bucket");
        return Err(VarsErrors(vec![VarsError { variable: "VIGIE_*".to_owned(), what }]));
    }
    let Some(environment) = given(ENVIRONMENT) else { return Ok(None) };
    let mut file = Lines::default();
    let mut section = "";
    for &(variable, of, key, form) in FIELDS {
        let value = given(variable);
        // A class and sources are asked for even when nothing of them is given.
        let needed = of == "environment" || value.is_some();
        if of != section && needed {
            section = of;
            file.section(of, &environment);
        }
        if let Some(value) = value {
            file.push(variable, &format!("{key} = {}", written(&value, form)));
        }
    }
    recipients(&mut file, given(REPORT_TO), given);
    config::parse(&file.text, "").map(Some).map_err(|errors| file.explain(errors.errors))
}

fn recipients(file: &mut Lines, to: Option<String>, given: impl Fn(&str) -> Option<String>) {
    for address in to.iter().flat_map(|to| to.split(',')).map(str::trim).filter(|a| !a.is_empty()) {
        file.push(REPORT_TO, "[[report.to]]");
        file.push(REPORT_TO, &format!("address = {}", quoted(address)));
        for (variable, key) in RECIPIENT {
            if let Some(value) = given(variable) {
                file.push(variable, &format!("{key} = {}", quoted(&value)));
            }
        }
    }
}

/// The text of a vigie.toml, and which variable each line came from.
#[derive(Default)]
struct Lines {
    text: String,
    from: Vec<String>,
}

impl Lines {
    fn push(&mut self, variable: &str, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
        self.from.push(variable.to_owned());
    }

    fn section(&mut self, name: &str, environment: &str) {
        match name {
            "environment" => self.push(ENVIRONMENT, &format!("[environment.{}]", quoted(environment))),
            "report" => self.push("VIGIE_REPORT_FROM", "[report]"),
            other => self.push("VIGIE_", &format!("[{other}]")),
        }
    }

    fn explain(&self, errors: Vec<config::ConfigError>) -> VarsErrors {
        let errors = errors.into_iter().map(|error| {
            // A missing key is found at its section: it is that key's variable that is missing.
            let missing = FIELDS.iter().find(|(_, _, key, _)| {
                error.what.contains(&format!("\"{key}\" is missing")) || error.what.starts_with(&format!("{key}: "))
            });
            let line = self.from.get(error.line.saturating_sub(1)).map_or(ENVIRONMENT, String::as_str);
            let variable = missing.map_or(line, |(variable, ..)| variable);
            VarsError { variable: variable.to_owned(), what: error.what }
        });
        VarsErrors(errors.collect())
    }
}

fn written(value: &str, form: Form) -> String {
    match form {
        Form::Text => quoted(value),
        Form::Flag if value == "true" || value == "false" => value.to_owned(),
        // The parser says what was expected.
        Form::Flag => quoted(value),
        Form::List => {
            let items: Vec<String> = value.split(',').map(str::trim).filter(|v| !v.is_empty()).map(quoted).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

/// A TOML basic string, on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_core::check::Class;
    use vigie_core::config::Writes;

    fn config(vars: &[(&str, &str)]) -> Result<Option<Config>, VarsErrors> {
        from_vars(|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn the_whole_of_one_environment() {
        let config = config(&[
            ("VIGIE_ENVIRONMENT", "production"),
            ("VIGIE_CLASS", "production"),
            ("VIGIE_VARIABLES", "amplify:d1a2b3/main, secretsmanager:shop/production"),
            ("VIGIE_RUNS_BUCKET", "vigie-runs"),
            ("VIGIE_REPORT_FROM", "vigie@shop.example"),
            ("VIGIE_REPORT_TO", "ana@shop.example, bo@shop.example"),
            ("VIGIE_REPORT_LANGUAGE", "fr"),
            ("VIGIE_WRITES", "full"),
            ("VIGIE_FINGERPRINT_KEY", "ssm:/vigie/key"),
        ])
        .unwrap()
        .unwrap();
        let of = &config.environment["production"];
        assert_eq!((of.class, of.writes), (Class::Production, Writes::Full));
        assert_eq!(of.variables, ["amplify:d1a2b3/main", "secretsmanager:shop/production"]);
        assert_eq!(of.contract, config::default_contract());
        assert_eq!(config.runs.unwrap().bucket, "vigie-runs");
        assert_eq!(config.fingerprint_key.as_deref(), Some("ssm:/vigie/key"));
        let report = config.report.unwrap();
        assert_eq!(report.to.len(), 2);
        assert_eq!(report.to[1].address, "bo@shop.example");
        assert_eq!(report.to[1].language, vigie_core::text::Language::Fr);
    }

    #[test]
    fn the_least_that_works() {
        let vars = [("VIGIE_ENVIRONMENT", "staging"), ("VIGIE_CLASS", "staging"), ("VIGIE_VARIABLES", "lambda:web")];
        let config = config(&vars).unwrap().unwrap();
        assert_eq!(config.environment["staging"].writes, Writes::Off);
        assert!(config.runs.is_none() && config.report.is_none());
    }

    #[test]
    fn nothing_is_no_configuration() {
        assert_eq!(config(&[]), Ok(None));
        assert_eq!(config(&[("VIGIE_ENVIRONMENT", " ")]), Ok(None));
    }

    #[test]
    fn every_error_at_once_under_its_variable() {
        let errors = config(&[
            ("VIGIE_ENVIRONMENT", "production"),
            ("VIGIE_CLASS", "prod"),
            ("VIGIE_VARIABLES", "vault:x"),
            ("VIGIE_WRITES", "yes"),
            ("VIGIE_REPORT_FROM", "vigie"),
            ("VIGIE_REPORT_TO", "ana"),
        ])
        .unwrap_err();
        let named: Vec<&str> = errors.0.iter().map(|e| e.variable.as_str()).collect();
        for variable in ["VIGIE_CLASS", "VIGIE_VARIABLES", "VIGIE_WRITES", "VIGIE_REPORT_FROM", "VIGIE_REPORT_TO"] {
            assert!(named.contains(&variable), "{variable} not in {errors}");
        }
        let missing = config(&[("VIGIE_ENVIRONMENT", "production")]).unwrap_err();
        let named: Vec<&str> = missing.0.iter().map(|e| e.variable.as_str()).collect();
        assert_eq!(named.iter().filter(|n| ["VIGIE_CLASS", "VIGIE_VARIABLES"].contains(n)).count(), 2, "{missing}");
    }

    #[test]
    fn a_value_cannot_leave_its_line() {
        let errors = config(&[
            ("VIGIE_ENVIRONMENT", "a\"]\nclass = \"x"),
            ("VIGIE_CLASS", "staging\"\nrole = \"arn"),
            ("VIGIE_VARIABLES", "process"),
        ])
        .unwrap_err();
        assert!(errors.to_string().contains("VIGIE_CLASS"), "{errors}");
    }

    #[test]
    fn every_field_is_listed() {
        let all = FIELDS.iter().map(|f| f.0).chain(RECIPIENT.iter().map(|r| r.0)).chain([ENVIRONMENT, REPORT_TO]);
        for name in all {
            assert!(VARIABLES.contains(&name), "{name}");
        }
    }
}
