//! Golden files: what was made, as it was when somebody last looked at it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use similar::TextDiff;

/// A golden that would be larger is kept by its beginning and its size: five hundred findings are looked at in the first.
const LARGEST: usize = 150_000;
const BEGINNING: usize = 40_000;

/// Lines of a difference that are shown.
const SHOWN: usize = 60;

/// The goldens of one test; what differs is told at the end, all at once.
pub struct Goldens {
    folder: PathBuf,
    test: &'static str,
    bless: bool,
    seen: Vec<PathBuf>,
    differ: Vec<String>,
}

impl Goldens {
    /// Of `tests/golden/`, compared by this test of `tests/tests/`. `VIGIE_BLESS=1` writes instead of comparing.
    #[must_use]
    #[allow(clippy::disallowed_methods)] // a test's own switch
    pub fn new(test: &'static str) -> Goldens {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        Goldens { folder, test, bless: std::env::var_os("VIGIE_BLESS").is_some(), seen: Vec::new(), differ: Vec::new() }
    }

    /// Compares, or writes. `name`: `mixed/report.en.txt`.
    pub fn compare(&mut self, name: &str, made: &str) {
        let path = self.folder.join(name);
        let made = bounded(made);
        self.seen.push(path.clone());
        let kept = std::fs::read_to_string(&path);
        if kept.as_ref().is_ok_and(|kept| *kept == made) {
            return;
        }
        if self.bless {
            let folder = path.parent().unwrap_or(&self.folder);
            if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, &made)) {
                self.differ.push(format!("{name} could not be written: {error}"));
            }
            return;
        }
        self.differ.push(match kept {
            Ok(kept) => format!("{name} differs:\n{}", difference(&kept, &made)),
            Err(error) => format!("{name} could not be read: {error}"),
        });
    }

    /// That nothing differs, and that no file lies there that nobody makes any more.
    ///
    /// # Errors
    /// What differs, to be read by people.
    pub fn done(mut self) -> Result<(), String> {
        for stale in files(&self.folder).into_iter().filter(|path| !self.seen.contains(path)) {
            if self.bless {
                let _ = std::fs::remove_file(&stale);
            } else {
                self.differ.push(format!("{} is made by nobody", stale.display()));
            }
        }
        if self.differ.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{}\n\n{} golden files differ. If that is what you want, look at it and bless it:\n    VIGIE_BLESS=1 cargo test --workspace --test {}",
            self.differ.join("\n\n"),
            self.differ.len(),
            self.test
        ))
    }
}

/// HTML with a line an element, so that a difference can be read. It looks the same but for a space between words.
#[must_use]
pub fn lined(html: &str) -> String {
    let mut out = html.replace("><", ">\n<");
    out.push('\n');
    out
}

/// Of what passes, and of the hours of a history: so many of each list are enough to see how they look.
const ENOUGH: usize = 3;

/// JSON in which what fails or is unknown is whole, and what is uneventful is there three times and then counted. What is no
/// JSON is left as it is, and differs.
#[must_use]
pub fn thinned(json: &str) -> String {
    let Ok(mut value) = serde_json::from_str(json) else { return json.to_owned() };
    thin(&mut value);
    format!("{value:#}\n")
}

fn thin(value: &mut Value) {
    match value {
        Value::Array(list) => {
            let (mut n, all) = (0, list.len());
            list.retain(|one| {
                n += usize::from(uneventful(one));
                !uneventful(one) || n <= ENOUGH
            });
            if list.len() < all {
                list.push(Value::String(format!("[... {} uneventful]", all - list.len())));
            }
            list.iter_mut().for_each(thin);
        }
        Value::Object(fields) => fields.values_mut().for_each(thin),
        _ => {}
    }
}

/// A finding that passes or does not apply, as each format says it; a period of a history.
fn uneventful(one: &Value) -> bool {
    let said = ["/outcome", "/kind", "/status_code", "/ProductFields/vigie~1Outcome"];
    let said = said.iter().find_map(|place| one.pointer(place)?.as_str());
    one.get("asked").is_some() || matches!(said, Some("pass" | "not_applicable" | "notApplicable"))
}

/// The same for formats of one finding a line.
#[must_use]
pub fn thinned_lines(text: &str) -> String {
    let quiet = |line: &str| {
        line.contains(",\"pass\",")
            || line.contains(",\"not_applicable\",")
            || line.trim_start().starts_with("<testcase ") && line.ends_with("/>")
    };
    let (mut n, mut out) = (0, String::new());
    for line in text.split_inclusive('\n') {
        n += usize::from(quiet(line.trim_end()));
        if !quiet(line.trim_end()) || n <= ENOUGH {
            out.push_str(line);
        }
    }
    if n > ENOUGH {
        out.push_str(&format!("[... {} uneventful]\n", n - ENOUGH));
    }
    out
}

fn bounded(made: &str) -> String {
    if made.len() <= LARGEST {
        return made.to_owned();
    }
    let mut out = String::new();
    for line in made.split_inclusive('\n').take_while(|line| line.len() < BEGINNING) {
        if out.len() + line.len() > BEGINNING {
            break;
        }
        out.push_str(line);
    }
    out.push_str(&format!("[... {} bytes in {} lines]\n", made.len(), made.lines().count()));
    out
}

fn difference(kept: &str, made: &str) -> String {
    let diff = TextDiff::from_lines(kept, made);
    let text = diff.unified_diff().context_radius(1).header("kept", "made").to_string();
    let lines: Vec<&str> = text.lines().collect();
    let more = lines.len().saturating_sub(SHOWN);
    let mut out = lines.into_iter().take(SHOWN).map(short).collect::<Vec<_>>().join("\n");
    if more > 0 {
        out.push_str(&format!("\n... and {more} lines more"));
    }
    out
}

fn short(line: &str) -> String {
    line.chars().take(240).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_by_its_lines() {
        let told = difference("one\ntwo\nthree\n", "one\n2\nthree\n");
        assert!(told.contains("-two") && told.contains("+2"), "{told}");
    }

    #[test]
    fn what_happened_is_whole_and_the_rest_is_counted() {
        let list = |pass: usize| {
            let passing = std::iter::repeat_n(r#"{"outcome":"pass"}"#, pass);
            format!("[{}]", passing.chain([r#"{"outcome":"fail"}"#]).collect::<Vec<_>>().join(","))
        };
        let made = thinned(&list(9));
        assert_eq!((made.matches("pass").count(), made.matches("fail").count()), (3, 1));
        assert!(made.contains("[... 6 uneventful]"));
        assert!(!thinned(&list(3)).contains("uneventful"), "nothing is left out of a short one");
        let lines = "\"a\",\"pass\",\"x\"\r\n".repeat(5) + "\"a\",\"fail\",\"x\"\r\n";
        assert!(thinned_lines(&lines).ends_with("\"fail\",\"x\"\r\n[... 2 uneventful]\n"));
    }

    #[test]
    fn a_large_one_keeps_its_beginning_and_its_size() {
        let small = "a line\n".repeat(10);
        assert_eq!(bounded(&small), small);
        let large = bounded(&"a line\n".repeat(100_000));
        assert!(large.len() < 50_000 && large.ends_with("[... 700000 bytes in 100000 lines]\n"));
    }
}
