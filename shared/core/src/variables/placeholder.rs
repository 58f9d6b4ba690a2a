//! Whether a value is still a template. Precise rather than complete: a finding that is wrong costs more than one that
//! another check makes anyway.

use std::sync::LazyLock;

use crate::facts::variables::{Class, Placeholder};
use regex_lite::Regex;

/// Characters that are looked at: no template hides behind that many.
const LONGEST: usize = 2_048;

/// Patterns of any value.
const ANYWHERE: &[(Placeholder, &str)] = &[
    (Placeholder::AwsSample, r"^(AKIA|ASIA)[A-Z0-9]*EXAMPLE$|^[A-Za-z0-9/+]{30}EXAMPLEKEY$"),
    (Placeholder::DollarBraces, r"\$\{\{?\s*[A-Za-z_][A-Za-z0-9_.]*(\s|[:?+=-][^}]*)?\}"),
    (Placeholder::DollarParentheses, r"\$\([A-Za-z_][A-Za-z0-9_ ./-]+\)"),
    (Placeholder::DoubleBraces, r"\{\{\s*(resolve:|secrets?\.|env\.|vars?\.|\.?[Vv]alues\.)|^\{\{[^{}]+\}\}$"),
    (Placeholder::AngleBrackets, r"(^|[:/@?=&_. -])<[A-Za-z][A-Za-z0-9_.-]*([ _.-][A-Za-z0-9_.-]+)*>($|[:/@?=&_. -])"),
    (
        Placeholder::ChangeMe,
        r"(?i)(^|[^A-Za-z0-9])(please[-_ ]?)?(change|replace)[-_ ]?(me|this|it)[0-9!]*($|[^A-Za-z0-9])",
    ),
    (
        Placeholder::Your,
        r"(?i)(^|[^A-Za-z0-9])your[-_ ]?(own[-_ ]?)?(domain|app|project|bucket|host|hostname|password|user|username|secret|api|key|token|site|region|account|database|db|e?mail|company|queue|url|value|org|endpoint|instance|cluster|id)([-_ .:/@]|$)",
    ),
    (Placeholder::Your, r"(?i)^(insert|enter|put|paste|add|set)[-_ ].*[-_ ]here$"),
    (
        Placeholder::Xxx,
        r"^[Xx]{3,}$|[Xx]{8,}|^[A-Za-z0-9]+([_-][A-Za-z0-9]+)*[_-][Xx]{3,}$|^[Xx]{3,}[_-]|://[Xx]{3,}\.|[:/][Xx]{3,}@",
    ),
    (Placeholder::Todo, r"^(?i:todo|tbd|fixme|placeholder)$|^(TODO|FIXME|TBD)[-_: ]|://[^/@:]*:(?:TODO|todo)@"),
    (
        Placeholder::UserPassword,
        r"(?i)://(user|username|dbuser|myuser|db_user):(password|pass|passwd|pwd|dbpassword|db_password|mypassword)@|://[^/@:]+:password@",
    ),
    (
        Placeholder::ExampleDomain,
        r"(?i)(^|@|\.|://|://[^/@]*@)example\.(com|org|net)($|[:/?#>\s,;])|://[^/?#]*\.example\.(com|org|net)($|[:/?#])",
    ),
];

/// Patterns of what is not shown anyway: a bucket may well be named `crash-dummy`.
const OF_SECRETS: &[(Placeholder, &str)] =
    &[(Placeholder::Dummy, r"(?i)^(dummy|fake|sample)([-_ ].*)?$|[-_](dummy|placeholder)$")];

static PATTERNS: LazyLock<[Vec<(Placeholder, Regex)>; 2]> = LazyLock::new(|| [ANYWHERE, OF_SECRETS].map(compiled));

fn compiled(patterns: &[(Placeholder, &str)]) -> Vec<(Placeholder, Regex)> {
    // Each pattern is a constant: a test compiles them all.
    patterns.iter().filter_map(|(what, pattern)| Some((*what, Regex::new(pattern).ok()?))).collect()
}

/// The pattern that a value, without what surrounds it, still matches.
pub(super) fn of(value: &str, class: Class) -> Option<Placeholder> {
    let end = value.char_indices().nth(LONGEST).map_or(value.len(), |(at, _)| at);
    let value = &value[..end];
    let [anywhere, of_secrets] = &*PATTERNS;
    let of_secrets = of_secrets.iter().filter(|_| class == Class::Secret);
    anywhere.iter().chain(of_secrets).find(|(_, pattern)| pattern.is_match(value)).map(|(what, _)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Placeholder::*;

    #[test]
    fn every_pattern_compiles() {
        for (_, pattern) in ANYWHERE.iter().chain(OF_SECRETS) {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn templates_are_seen() {
        for (value, what) in [
            ("changeme", ChangeMe),
            ("change-me-please", ChangeMe),
            ("CHANGE_ME", ChangeMe),
            ("changeme123", ChangeMe),
            ("postgres://app:changeme@db.shop.io/app", ChangeMe),
            ("your-secret-here", Your),
            ("YOUR_API_KEY", Your),
            ("https://your-project.supabase.co", Your),
            ("https://yourdomain.com", Your),
            ("insert-token-here", Your),
            ("xxx", Xxx),
            ("sk_live_xxx", Xxx),
            ("AKIAXXXXXXXXXXXXXXXX", Xxx),
            ("https://xxx.upstash.io", Xxx),
            ("<secret>", AngleBrackets),
            ("postgres://<user>:<password>@<host>/db", AngleBrackets),
            ("<your token>", AngleBrackets),
            ("TODO", Todo),
            ("todo", Todo),
            ("TODO: ask ana", Todo),
            ("dummy", Dummy),
            ("sk_test_dummy", Dummy),
            ("https://example.com", ExampleDomain),
            ("https://app.example.com/x", ExampleDomain),
            ("Shop <hello@example.com>", ExampleDomain),
            ("noreply@example.org", ExampleDomain),
            ("example.com", ExampleDomain),
            ("postgres://a:b@example.com/db", ExampleDomain),
            ("postgresql://user:password@db.shop.io:5432/shop", UserPassword),
            ("postgresql://shop:password@db.shop.io:5432/shop", UserPassword),
            ("AKIAIOSFODNN7EXAMPLE", AwsSample),
            ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", AwsSample),
            ("${DATABASE_URL}", DollarBraces),
            ("postgres://a:${DB_PASSWORD}@h.io/d", DollarBraces),
            ("${X:-default}", DollarBraces),
            ("${{ secrets.TOKEN }}", DollarBraces),
            ("$(openssl rand -base64 32)", DollarParentheses),
            ("$(SECRET)", DollarParentheses),
            ("{{resolve:secretsmanager:shop:SecretString:k}}", DoubleBraces),
            ("{{ secret_key }}", DoubleBraces),
        ] {
            assert_eq!(of(value, Class::Secret), Some(what), "{value}");
        }
    }

    #[test]
    fn what_is_no_template_is_left_alone() {
        for value in [
            "",
            "Zm9vxxxYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Zw==",
            "aB3/xxx+9kQ",
            "https://todo.shop.io",
            "todo-app-uploads",
            "postgres://todo:s3cr@db.shop.io/todo",
            "p$ssw0rd$",
            "pa$HOME",
            "https://shop.io/changes",
            "exchange-method",
            "Shop <hello@shop.io>",
            "https://shop.example",
            "db.shop.example",
            "https://notexample.com",
            "https://example.community",
            "hello@myexample.com",
            "your-photos",
            "yourself",
            "https://movies.xxx",
            "maxxx",
            "a<b>c",
            "sample",
            "crash-dummy",
            "{\"a\":{\"b\":1}}",
            "EXAMPLE",
            "https://shop.io/?next=example.com.shop.io",
        ] {
            let class = Class::Plain;
            assert_eq!(of(value, class), None, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_random_key_is_no_template(value in "[A-Za-z0-9+/]{43}=") {
            proptest::prop_assert_eq!(of(&value, Class::Secret), None);
        }
    }
}
