//! Every check that CI makes, in one go: the first that fails ends it and says what to do.

use crate::run::{self, Failed};
use crate::{machine, readers, sam};
use std::time::Instant;

struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// What to do when it fails.
    remedy: &'static str,
}

const BUILD: &[Step] = &[
    Step { name: "format", arguments: &["fmt", "--all", "--check"], environment: &[], remedy: "Run cargo fmt --all." },
    Step {
        name: "clippy",
        arguments: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        environment: &[],
        remedy: "Clippy's own words are above: each warning counts.",
    },
    Step {
        name: "build",
        arguments: &["build", "--workspace", "--bins"],
        environment: &[],
        remedy: "The compiler's own words are above.",
    },
];

const TEST: &[Step] = &[
    Step {
        name: "tests",
        arguments: &["test", "--workspace"],
        environment: &[run::BUILT],
        remedy: "The failing tests are listed above; one alone: cargo test --workspace NAME.",
    },
    Step {
        name: "docs",
        arguments: &["doc", "--workspace", "--no-deps", "--document-private-items"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
        remedy: "A link or a heading in a docstring is wrong: see above.",
    },
];

pub fn verify() -> Result<(), Failed> {
    println!("Vigie verify: tools, templates, {}, sam build, {}, demo.", BUILD.map_names(), TEST.map_names());
    let start = Instant::now();
    machine::prepare()?;
    machine::looks()?;
    readers::prepare()?;
    let programs = sam::lint().map_err(|failed| {
        Failed::step(format!("{failed}\n    What is wrong with a template is above; a rule's reason is in infra/lint."))
    })?;
    BUILD.iter().try_for_each(Step::run)?;
    // Before the tests: one of them deploys what it made.
    sam::build(&programs)?;
    TEST.iter().try_for_each(Step::run)?;
    let demo = machine::root().join("target/debug/demo");
    run::step("demo", &demo.to_string_lossy(), &[], &[run::BUILT]).map_err(|failed| {
        Failed::step(format!(
            "{failed}\n    The demo's own list of differences is above: what was planted and what was found."
        ))
    })?;
    println!(
        "Verified in {:.0} s: templates, {}, sam build, {}, demo. All passed.",
        start.elapsed().as_secs_f32(),
        BUILD.map_names(),
        TEST.map_names()
    );
    Ok(())
}

impl Step {
    fn run(&self) -> Result<(), Failed> {
        run::step(self.name, "cargo", self.arguments, self.environment)
            .map_err(|failed| Failed::step(format!("{failed}\n    {}", self.remedy)))
    }
}

trait Names {
    fn map_names(&self) -> String;
}

impl Names for [Step] {
    fn map_names(&self) -> String {
        self.iter().map(|step| step.name).collect::<Vec<_>>().join(", ")
    }
}
