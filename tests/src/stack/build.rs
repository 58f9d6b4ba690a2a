//! What is deployed: infra/template.yaml with the programs that the sources say now.
//!
//! They are the dev profile's, stripped: the same sources, and minutes less than the release profile's link-time
//! optimisation, which is for the zips of a real account (`sam build`).

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
    let mut binary = None;
    for line in template.lines() {
        if let Some((_, named)) = line.split_once("Binary: ") {
            binary = Some(named.trim_matches([' ', '}']).to_owned());
        }
        match line.split_once("CodeUri: ") {
            Some((before, _)) => {
                let binary = binary.take().ok_or_else(|| io::Error::other("a function without a binary"))?;
                let place = packed(&folder, &binary)?;
                built.push_str(&format!("{before}CodeUri: {}\n", place.display()));
            }
            None => built.push_str(&format!("{line}\n")),
        }
    }
    let place = folder.join("template.yaml");
    std::fs::write(&place, built)?;
    Ok(place)
}

/// A folder with the program as `bootstrap`, without what only a debugger reads.
fn packed(folder: &Path, binary: &str) -> io::Result<PathBuf> {
    let program = program(binary)?;
    let folder = folder.join(binary);
    let bootstrap = folder.join("bootstrap");
    std::fs::create_dir_all(&folder)?;
    let changed = |path: &Path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok();
    if changed(&bootstrap) > changed(&program) {
        return Ok(folder);
    }
    let status = Command::new("strip").arg("-o").args([&bootstrap, &program]).status()?;
    if status.success() { Ok(folder) } else { Err(io::Error::other(format!("strip {binary}: {status}"))) }
}
