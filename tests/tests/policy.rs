//! The templates' statements are written by the code that needs them: they are compared here, and with `VIGIE_BLESS=1`
//! written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use vigie_aws::policy::{Function, List, template};
use vigie_tests::aws::root;

const FILES: [(&str, &[Function]); 2] = [
    ("infra/template.yaml", &[Function::Dispatch, Function::Audit, Function::Report]),
    ("infra/target-role.yaml", &[Function::Target]),
];

const BLESS: &str = "VIGIE_BLESS=1 cargo test --test policy";

/// The file with what stands between its markers written anew, and whose markers they were.
fn written(text: &str) -> (String, Vec<String>) {
    let (mut out, mut met) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((name, _)) = line.trim().strip_prefix("# policy ").and_then(|rest| rest.split_once(':')) else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let section = template::section(name, indent).unwrap_or_else(|| panic!("{name} is no function"));
        let pad = " ".repeat(indent);
        let end = format!("# end of policy {name}");
        assert!(lines.any(|line| line.trim() == end), "{end} is missing");
        out.push_str(&format!("{pad}# policy {name}: written by {BLESS}\n{section}{pad}{end}\n"));
        met.push(name.to_owned());
    }
    (out, met)
}

#[test]
fn the_templates_hold_what_the_code_declares() {
    #[allow(clippy::disallowed_methods)] // an edge: whoever runs the test says it
    let bless = std::env::var_os("VIGIE_BLESS").is_some();
    for (file, functions) in FILES {
        let path = root().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let (new, met) = written(&text);
        assert_eq!(met, functions.iter().map(|f| f.name().to_owned()).collect::<Vec<_>>(), "the markers of {file}");
        if bless {
            std::fs::write(&path, new).unwrap();
            continue;
        }
        for (line, (old, new)) in text.lines().zip(new.lines()).enumerate() {
            assert_eq!(old, new, "{file}:{}: not what the code declares; run {BLESS}", line + 1);
        }
        assert!(text == new, "{file} ends too early or too late; run {BLESS}");
    }
}

/// Every list is a parameter, empty by default, with a condition that drops its statements.
#[test]
fn each_list_is_a_parameter_with_its_condition() {
    for (file, functions) in FILES {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        for list in
            List::ALL.into_iter().filter(|list| functions.contains(&Function::Audit) || *list != List::TargetRoles)
        {
            let name = list.name();
            let parameter = format!("  {name}:\n    Type: CommaDelimitedList\n    Default: ''\n");
            assert!(text.contains(&parameter), "{file}: no parameter {name}");
            let condition = format!("  {}: !Not [!Equals [!Select [0, !Ref {name}], '']]\n", template::has(list));
            assert!(text.contains(&condition), "{file}: no condition {}", template::has(list));
        }
    }
}

/// No statement by hand beside the generated ones gives what they should declare.
#[test]
fn by_hand_is_only_what_lambda_itself_needs() {
    let (text, _) = written(&std::fs::read_to_string(root().join("infra/template.yaml")).unwrap());
    let by_hand: BTreeSet<&str> = text
        .lines()
        .scan(false, |inside, line| {
            let line = line.trim();
            *inside = (*inside || line.starts_with("# policy ")) && !line.starts_with("# end of policy ");
            Some((*inside, line))
        })
        .filter(|(inside, _)| !inside)
        .filter_map(|(_, line)| line.strip_prefix("- Sid: "))
        .collect();
    for sid in ["RunsList", "RunsRead", "Metrics", "Alerts", "WorkReceive", "WorkSend", "AskBuckets", "Mail"] {
        assert!(!by_hand.contains(sid), "{sid} is written by hand");
        assert!(text.contains(&format!("- Sid: {sid}\n")), "{sid} is not there at all");
    }
}
