//! Readers of the report's formats that are not ours: for the tests alone, so not for the demo.

use crate::machine::{Packages, root, venv};
use crate::run::{self, Failed};
use std::os::unix::fs::PermissionsExt;

const READERS: Packages = Packages {
    place: "formats",
    packages: &[
        "jsonschema==4.26.0",
        "junitparser==5.0.3",
        "pydantic-ocsf==3.0.0",
        "py-ocsf-models==0.10.0",
        "botocore==1.44.8",
    ],
    program: "junitparser",
};

/// Microsoft's validator of SARIF, with the rules of GitHub's code scanning: one program for x86_64, without a runtime.
const MULTITOOL: &str = "@microsoft/sarif-multitool-linux@5.7.0";

/// The packages into `target/sandbox/formats`, the validator into `target/sandbox/multitool`.
pub fn prepare() -> Result<(), Failed> {
    venv(&READERS)?;
    multitool()
}

/// Out of its package of npm; no script of a package runs.
fn multitool() -> Result<(), Failed> {
    let place = root().join("target/sandbox/multitool");
    let (stamp, program) = (place.join("vigie.stamp"), place.join("Sarif.Multitool"));
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == MULTITOOL) && program.exists() {
        println!("    {MULTITOOL}: is there");
        return Ok(());
    }
    let _ = std::fs::remove_dir_all(&place);
    let prefix = place.to_string_lossy();
    let arguments =
        ["install", "--prefix", &prefix, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", MULTITOOL];
    run::step("SARIF validator", "npm", &arguments, &[])?;
    let made = || -> std::io::Result<()> {
        std::fs::rename(place.join("node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"), &program)?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
        std::fs::remove_dir_all(place.join("node_modules"))?;
        std::fs::write(&stamp, MULTITOOL)
    };
    made().map_err(|e| Failed::machine(format!("{}: {e}", program.display())))
}
