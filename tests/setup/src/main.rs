//! `cargo demo` and `cargo verify`: sees to what a machine needs, builds, runs. The standard library only, so that it is
//! there a second after a fresh clone.

#![allow(clippy::disallowed_methods)] // an edge: it looks at PATH

mod machine;
mod readers;
mod run;
mod sam;
mod verify;

use std::process::ExitCode;

fn main() -> ExitCode {
    let task = std::env::args().nth(1).unwrap_or_default();
    let done = match task.as_str() {
        "demo" => demo(),
        "scale" => scale(),
        "verify" => verify::verify(),
        "tools" => machine::prepare(),
        "looks" => machine::looks(),
        "readers" => readers::prepare(),
        "templates" => sam::lint().map(drop),
        "sam" => sam::lint().and_then(|programs| sam::build(&programs)),
        _ => Err(run::Failed::usage("cargo demo | cargo verify | cargo scale")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("{failed}");
            ExitCode::from(failed.code)
        }
    }
}

fn demo() -> Result<(), run::Failed> {
    println!("Vigie demo: tools, build, then the whole story.");
    machine::prepare()?;
    run::step("build", "cargo", &["build", "--workspace", "--bins"], &[])?;
    let demo = machine::root().join("target/debug/demo");
    run::step("demo", &demo.to_string_lossy(), &[], &[run::BUILT])
}

/// Its one argument: how many environments, 10,000 by default.
fn scale() -> Result<(), run::Failed> {
    machine::prepare()?;
    run::step("build", "cargo", &["build", "--workspace", "--bins"], &[])?;
    let scale = machine::root().join("target/debug/scale");
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run::step("scale", &scale.to_string_lossy(), &arguments, &[run::BUILT])
}
