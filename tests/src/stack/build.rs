//! What is deployed: infra/template.yaml with the programs that the sources say now.
//!
//! `sam build` takes minutes for its link-time optimisation. What it built last is deployed when it is newer than the dev
//! profile's program, which cargo keeps as long as the sources say the same; else the dev profile's, stripped.

use crate::aws::{program, root};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// One test at a time writes.
static ONE: Mutex<()> = Mutex::new(());

/// The template whose `CodeUri`s are folders with a `bootstrap`.
///
/// # Errors
/// The functions do not build, or the template names a program that is none.
pub fn template() -> io::Result<PathBuf> {
    let _one = ONE.lock();
    let folder = root().join("target/stack");
    let template = std::fs::read_to_string(root().join("infra/template.yaml"))?;
    let mut built = String::new();
    let (mut resource, mut binary) = ("", None);
    for line in template.lines() {
        if let Some(name) = line.strip_prefix("  ").filter(|name| !name.starts_with([' ', '#'])) {
            resource = name.trim_end_matches(':');
        }
        if let Some((_, named)) = line.split_once("Binary: ") {
            binary = Some(named.trim_matches([' ', '}']).to_owned());
        }
        match line.split_once("CodeUri: ") {
            Some((before, _)) => {
                let binary = binary.take().ok_or_else(|| io::Error::other("a function without a binary"))?;
                let place = packed(&folder, resource, &binary)?;
                built.push_str(&format!("{before}CodeUri: {}\n", place.display()));
            }
            None => built.push_str(&format!("{line}\n")),
        }
    }
    let place = folder.join("template.yaml");
    std::fs::write(&place, built)?;
    Ok(place)
}

fn changed(path: &Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

/// What `sam build` made of a function, when that is what the sources say now.
///
/// # Errors
/// The program does not build.
pub fn released(function: &str, binary: &str) -> io::Result<Option<PathBuf>> {
    let program = program(binary)?;
    let folder = root().join("target/sam").join(function);
    Ok((changed(&folder.join("bootstrap")) > changed(&program)).then_some(folder))
}

/// A folder with the program as `bootstrap`.
fn packed(folder: &Path, function: &str, binary: &str) -> io::Result<PathBuf> {
    if let Some(released) = released(function, binary)? {
        return Ok(released);
    }
    let program = program(binary)?;
    let folder = folder.join(binary);
    let bootstrap = folder.join("bootstrap");
    std::fs::create_dir_all(&folder)?;
    if changed(&bootstrap) > changed(&program) {
        return Ok(folder);
    }
    // Without what only a debugger reads, half of it.
    let status = Command::new("strip").arg("-o").args([&bootstrap, &program]).status()?;
    if status.success() { Ok(folder) } else { Err(io::Error::other(format!("strip {binary}: {status}"))) }
}
