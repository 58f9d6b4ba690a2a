//! What is deployed: the templates are linted, the three functions built as `sam build` builds them.

use crate::machine::{self, Packages};
use crate::run::{self, Failed};
use std::path::{Path, PathBuf};

/// SAM builds Rust through cargo-lambda, which links with zig so that the binary fits an older glibc.
const SAM: Packages = Packages {
    place: "sam",
    packages: &["aws-sam-cli==1.170.0", "cfn-lint==1.58.0", "cargo-lambda==1.9.2", "ziglang==0.17.1"],
    program: "sam",
};

/// Its pin of boto3 is another.
const CHECKOV: Packages = Packages { place: "checkov", packages: &["checkov==3.3.30"], program: "checkov" };

/// The functions in `infra/template.yaml` and the programs that they are.
const FUNCTIONS: [(&str, &str); 3] =
    [("DispatchFunction", "vigie-dispatch"), ("AuditFunction", "vigie-audit"), ("ReportFunction", "vigie-report")];

/// Of Amazon Linux 2023, which provided.al2023 is.
const GLIBC: u32 = 34;

/// cfn-lint and our own rules, `sam validate` and checkov, offline. Returns the directory of SAM's programs.
pub fn lint() -> Result<PathBuf, Failed> {
    let sam = machine::venv(&SAM)?;
    let checkov = machine::venv(&CHECKOV)?;
    let home = home();
    let quiet = quiet(&home);
    let program = |bin: &Path, name: &str| bin.join(name).to_string_lossy().into_owned();
    run::step("cfn-lint", &program(&sam, "python"), &["infra/lint/check.py", "target/lint"], &quiet)?;
    let validate = ["validate", "--lint", "--template", "infra/template.yaml"];
    run::step("sam validate", &program(&sam, "sam"), &validate, &quiet)?;
    let mut check = vec!["--skip-download", "--config-file", "infra/lint/checkov.yaml", "--file"];
    check.extend(["target/lint/template.json", "infra/target-role.yaml"]);
    let channels = channels()?;
    check.extend(channels.iter().map(String::as_str));
    run::step("checkov", &program(&checkov, "checkov"), &check, &quiet)?;
    Ok(sam)
}

/// The ready templates of `infra/channels`, below the workspace.
fn channels() -> Result<Vec<String>, Failed> {
    let folder = machine::root().join("infra/channels");
    let found = std::fs::read_dir(&folder).map_err(|e| Failed::machine(format!("{}: {e}", folder.display())))?;
    let names = found.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut channels: Vec<String> =
        names.filter(|name| name.ends_with(".yaml")).map(|name| format!("infra/channels/{name}")).collect();
    channels.sort();
    Ok(channels)
}

/// `sam build` into `target/sam`, for x86_64: no other target is fetched.
pub fn build(sam: &Path) -> Result<(), Failed> {
    let home = home();
    let mut path = vec![sam.to_path_buf()];
    path.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let path = std::env::join_paths(path).map_err(|e| Failed::machine(format!("PATH: {e}")))?;
    let path = path.to_string_lossy();
    let mut environment = vec![("PATH", path.as_ref()), ("RUSTUP", "false")];
    environment.extend(quiet(&home));
    // All at once: their link-time optimisation runs side by side. `sam build` asks for one after the other and finds them.
    let mut arguments = vec!["lambda", "build", "--release"];
    arguments.extend(FUNCTIONS.iter().flat_map(|(_, binary)| ["--bin", binary]));
    run::step("release build", "cargo", &arguments, &environment)?;
    let program = sam.join("sam");
    let arguments = ["build", "--template", "infra/template.yaml", "--build-dir", "target/sam"];
    run::step("sam build", &program.to_string_lossy(), &arguments, &environment)?;
    FUNCTIONS.iter().try_for_each(|(function, _)| fits(function))
}

/// A function's program asks for no newer glibc than its runtime has.
fn fits(function: &str) -> Result<(), Failed> {
    let program = machine::root().join("target/sam").join(function).join("bootstrap");
    let bytes = std::fs::read(&program).map_err(|e| Failed::step(format!("{}: {e}", program.display())))?;
    let newest = glibc(&bytes).ok_or_else(|| Failed::step(format!("{function} names no version of glibc")))?;
    println!("    {function}: {:.1} MB, glibc 2.{newest}", bytes.len() as f64 / 1e6);
    if newest > GLIBC {
        return Err(Failed::step(format!("{function} needs glibc 2.{newest}; provided.al2023 has 2.{GLIBC}")));
    }
    Ok(())
}

/// The newest `GLIBC_2.N` that a program's symbols name.
fn glibc(program: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"GLIBC_2.";
    let found = program.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME);
    found
        .filter_map(|(at, _)| {
            let rest = program.get(at + NAME.len()..)?;
            let digits: String = rest.iter().map(|byte| char::from(*byte)).take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        })
        .max()
}

/// Where SAM keeps its own notes, instead of the user's home.
fn home() -> String {
    machine::root().join("target/sandbox/sam-home").to_string_lossy().into_owned()
}

fn quiet(home: &str) -> [(&'static str, &str); 3] {
    [("SAM_CLI_TELEMETRY", "0"), ("__SAM_CLI_APP_DIR", home), ("AWS_DEFAULT_REGION", "us-east-1")]
}

#[cfg(test)]
mod tests {
    use super::glibc;

    #[test]
    fn the_newest_glibc_counts() {
        assert_eq!(glibc(b"\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.2.5\0"), Some(34));
        assert_eq!(glibc(b"GLIBC_PRIVATE"), None);
    }
}
