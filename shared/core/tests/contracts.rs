//! What others read: the schemas that are checked in, and the example configurations.

#![allow(clippy::panic, reason = "helpers of tests fail like tests")]

use std::path::{Path, PathBuf};

fn infra(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra").join(name)
}

/// `VIGIE_BLESS=1` writes what is generated instead of comparing it.
#[allow(clippy::disallowed_methods)] // a test's own switch
fn bless() -> bool {
    std::env::var("VIGIE_BLESS").is_ok()
}

/// The checked-in schema, made again from the types.
fn same(name: &str, schema: &serde_json::Value) {
    let path = infra("schema").join(name);
    let made = format!("{schema:#}\n");
    if bless() {
        std::fs::write(&path, &made).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(
        kept,
        made,
        "{} is not what the types say: VIGIE_BLESS=1 cargo test -p vigie-core --test contracts",
        path.display()
    );
}

#[test]
fn the_schemas_are_those_of_the_types() {
    same("vigie.schema.json", &vigie_core::config::schema());
    same("run.schema.json", &schemars::schema_for!(vigie_core::run::Run).to_value());
    same("snapshot.schema.json", &schemars::schema_for!(vigie_core::snapshot::Snapshot).to_value());
    same("head.schema.json", &schemars::schema_for!(vigie_core::head::Head).to_value());
    same("report.schema.json", &schemars::schema_for!(vigie_core::report::Report).to_value());
    same("alert.schema.json", &schemars::schema_for!(vigie_core::head::Alert).to_value());
}

#[test]
fn the_example_configurations_are_right() {
    for name in ["vigie.example.toml", "vigie.huntaze.toml"] {
        let text = std::fs::read_to_string(infra(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let config = vigie_core::config::parse(&text, name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(config.environment.len(), 2, "{name}");
        assert!(config.report.is_some_and(|r| !r.to.is_empty()), "{name}");
    }
}

/// Every key that the schema offers is one that the parser takes: an editor never completes what is then refused.
#[test]
fn the_schema_and_the_parser_know_the_same_keys() {
    let schema = vigie_core::config::schema();
    let keys = |pointer: &str| -> Vec<String> {
        let properties = schema.pointer(pointer).and_then(serde_json::Value::as_object);
        properties.unwrap_or_else(|| panic!("{pointer} is no object of the schema")).keys().cloned().collect()
    };
    let accepted = |text: String, key: &str| {
        let errors = vigie_core::config::parse(&text, "v.toml").err().map(|e| e.to_string()).unwrap_or_default();
        assert!(!errors.contains(&format!("unknown key {key:?}")), "{key} is in the schema and refused: {errors}");
    };
    for key in keys("/properties") {
        accepted(format!("{key} = 1\n"), &key);
    }
    for key in keys("/$defs/EnvironmentConfig/properties") {
        accepted(format!("[environment.a]\n{key} = 1\n"), &key);
    }
    for key in keys("/$defs/Contract/properties") {
        accepted(format!("[environment.a.contract]\n{key} = {{}}\n"), &key);
    }
    for key in keys("/$defs/Recipient/properties") {
        accepted(format!("[report]\n[[report.to]]\n{key} = {{}}\n"), &key);
    }
    for key in keys("/$defs/Alerts/properties") {
        accepted(format!("[alerts]\n{key} = {{}}\n"), &key);
    }
    for key in keys("/$defs/MaintenanceConfig/properties") {
        accepted(format!("[[maintenance]]\n{key} = {{}}\n"), &key);
    }
    for key in keys("/$defs/MuteConfig/properties") {
        accepted(format!("[[mute]]\n{key} = {{}}\n"), &key);
    }
}

#[test]
fn the_readme_links_every_check() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = std::fs::read_to_string(&path).expect("README.md");
    let start =
        text.find("<!-- checks:").and_then(|at| Some(at + text[at..].find('\n')? + 1)).expect("the list's beginning");
    let end = text.find("<!-- end of checks -->").expect("the list's end");
    let mut made = String::from("\n| check | says | suite | staging / production |\n| --- | --- | --- | --- |\n");
    for check in vigie_core::checks::all() {
        made.push_str(&format!(
            "| [{id}](shared/core/docs/checks/{page}.md#{anchor}) | {title} | {suite} | {staging} / {production} |\n",
            id = check.id,
            page = check.kind.name(),
            anchor = check.id.to_ascii_lowercase(),
            title = check.title.en,
            suite = check.suite.name(),
            staging = check.severity.staging.name(),
            production = check.severity.production.name(),
        ));
    }
    made.push('\n');
    if bless() {
        let whole = format!("{}{made}{}", &text[..start], &text[end..]);
        std::fs::write(&path, whole).expect("README.md");
        return;
    }
    assert_eq!(&text[start..end], made, "README.md: VIGIE_BLESS=1 cargo test -p vigie-core --test contracts");
}
