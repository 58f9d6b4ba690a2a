//! One line of an alert, for a pager.

use crate::evidence::clean;

/// Characters. Source: Opsgenie's Alert API, `message`; others take more.
const LONGEST: usize = 130;
/// Characters of the subject, of which the beginning says most.
const SUBJECT: usize = 40;

/// `ENVIRONMENT: TITLE (SUBJECT and 2 more)`, at most 130 characters: a long subject is cut first, then the title. `others`:
/// findings that the alert names beside the subject's.
///
/// EventBridge puts a value into an input template as it is, so nothing here ends a JSON string or begins a mark-up: no
/// quote, backslash, angle bracket or control character. Source: EventBridge user guide, "Common issues with transforming
/// input".
#[must_use]
pub fn summary(environment: &str, title: &str, subject: &str, others: usize) -> String {
    let more = if others == 0 { String::new() } else { format!(" and {others} more") };
    let about = match cut(&plain(subject), SUBJECT) {
        about if about.is_empty() || subject == environment => String::new(),
        about => format!(" ({about}{more})"),
    };
    let says = plain(&format!("{environment}: {title}"));
    format!("{}{about}", cut(&says, LONGEST - about.chars().count()))
}

fn plain(text: &str) -> String {
    let harmless = |c| match c {
        '"' => '\'',
        '\\' => '/',
        '<' => '‹',
        '>' => '›',
        c => c,
    };
    clean(text).chars().map(harmless).collect()
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;
    use crate::text::Language;

    #[test]
    fn a_pager_shows_where_what_and_of_what() {
        let title = "The database cannot be reached or refuses the login";
        assert_eq!(summary("production", title, "postgres", 0), format!("production: {title} (postgres)"));
        assert_eq!(summary("production", title, "postgres", 2), format!("production: {title} (postgres and 2 more)"));
        assert_eq!(summary("late", title, "late", 2), format!("late: {title}"), "said already");
    }

    #[test]
    fn the_subject_is_cut_before_the_title_and_both_are_seen() {
        let long = summary("production", &"title ".repeat(60), &"subject".repeat(60), 499);
        assert_eq!(long.chars().count(), LONGEST);
        assert!(
            long.starts_with("production: title title")
                && long.contains("… (subjectsubject")
                && long.ends_with("… and 499 more)"),
            "{long}"
        );
        let exact = summary("production", &"é".repeat(LONGEST - "production: ".len()), "", 0);
        assert!(exact.chars().count() == LONGEST && !exact.contains('…'), "{exact}");
    }

    #[test]
    fn nothing_in_it_ends_a_json_string_or_begins_a_mark_up() {
        let nasty = summary("production", "a \"title\" \\ <b>", "<!channel>\n\"x\"\t\u{202e}\\", 0);
        assert_eq!(nasty, "production: a 'title' / ‹b› (‹!channel›\u{fffd}'x'\u{fffd}\u{fffd}/)");
    }

    /// They stand inside quotes in the templates.
    #[test]
    fn no_check_has_a_title_that_ends_a_json_string() {
        for check in checks::all() {
            let title = check.title.raw(Language::En);
            assert_eq!(plain(title), title, "{}", check.id);
        }
    }
}
