//! What the build and the sandbox need of the machine. Looks first, installs only what is missing.

use crate::run::{self, Failed};
use std::path::{Path, PathBuf};

/// Python packages in a virtual environment of their own, pinned: their pins of boto3 and the like do not go together.
pub struct Packages {
    /// Its directory below `target/sandbox`.
    pub place: &'static str,
    pub packages: &'static [&'static str],
    /// A program that is there afterwards.
    pub program: &'static str,
}

/// The AWS emulator and what it loads.
const EMULATOR: Packages = Packages {
    place: "venv",
    packages: &["ministack==1.5.33", "cbor2==6.3.0", "aws-sam-translator==1.115.0"],
    program: "ministack",
};

/// Something needed, and the Debian packages that bring it.
struct Need {
    what: &'static str,
    packages: &'static [&'static str],
    there: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { what: "a C compiler (cc)", packages: &["gcc", "libc6-dev"], there: || on_path("cc") },
    Need { what: "perl (builds OpenSSL)", packages: &["perl"], there: || on_path("perl") },
    Need { what: "make (builds OpenSSL)", packages: &["make"], there: || on_path("make") },
    Need { what: "python3 with venv", packages: &["python3", "python3-venv"], there: || python().is_some() },
    Need { what: "PostgreSQL's server", packages: &["postgresql"], there: || postgres().is_some() },
    Need { what: "redis-server", packages: &["redis-server"], there: || on_path("redis-server") },
];

/// What looks at mail and page: for the tests alone, so not for the demo.
const LOOKS: &[Need] = &[
    Need { what: "Chromium", packages: &["chromium"], there: || on_path("chromium") || on_path("google-chrome") },
    // Without a font the pictures are empty boxes, and nothing is as wide as it will be.
    Need {
        what: "a font",
        packages: &["fonts-dejavu-core"],
        there: || Path::new("/usr/share/fonts/truetype").is_dir(),
    },
    Need { what: "Node.js", packages: &["nodejs"], there: || on_path("node") },
    Need { what: "npm", packages: &["npm"], there: || on_path("npm") },
];

/// The workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Installs what is missing, then puts the emulator's packages into `target/sandbox/venv`.
pub fn prepare() -> Result<(), Failed> {
    see_to("tools", NEEDS)?;
    venv(&EMULATOR).map(drop)
}

/// Chromium and Node.js, and into `target/looks` the packages of `tests/looks`, as its lock pins them.
pub fn looks() -> Result<(), Failed> {
    see_to("looks", LOOKS)?;
    let (from, to) = (root().join("tests/looks"), root().join("target/looks"));
    let lock = |folder: &Path| std::fs::read_to_string(folder.join("package-lock.json")).ok();
    if lock(&from) == lock(&to) && to.join("node_modules/playwright-core").is_dir() {
        println!("    playwright-core: is there");
        return Ok(());
    }
    let machine = |e: std::io::Error| Failed::machine(format!("{}: {e}", to.display()));
    std::fs::create_dir_all(&to).map_err(machine)?;
    std::fs::copy(from.join("package.json"), to.join("package.json")).map_err(machine)?;
    std::fs::copy(from.join("package-lock.json"), to.join("package-lock.json")).map_err(machine)?;
    let folder = to.to_string_lossy();
    let arguments = ["--prefix", &folder, "ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let installed = run::step("packages", "npm", &arguments, &[]);
    if installed.is_err() {
        let _ = std::fs::remove_file(to.join("package-lock.json"));
    }
    installed
}

fn see_to(what: &str, needs: &'static [Need]) -> Result<(), Failed> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.there)()).collect();
    if missing.is_empty() {
        println!("    {what}: all there");
        return Ok(());
    }
    install(&missing)
}

fn install(missing: &[&Need]) -> Result<(), Failed> {
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages.iter().copied()).collect();
    for need in missing {
        println!("    missing: {} ({})", need.what, need.packages.join(", "));
    }
    let command = format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "));
    let as_root = run::ask("id", &["-u"]).as_deref() == Some("0");
    if !as_root || !on_path("apt-get") {
        let sudo = if as_root { "" } else { "sudo " };
        return Err(Failed::machine(format!(
            "These are needed and missing. On Debian or Ubuntu:\n\n    {sudo}sh -c '{command}'\n\nElsewhere, install the same by your system's means."
        )));
    }
    // Debian's PostgreSQL and Redis start servers of their own on installation; the sandbox starts its own and needs none.
    let quiet = [("DEBIAN_FRONTEND", "noninteractive"), ("RUNLEVEL", "1")];
    run::step("apt-get update", "apt-get", &["update", "-q"], &quiet)?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(&packages);
    run::step("apt-get install", "apt-get", &arguments, &quiet)?;
    let still: Vec<&str> = missing.iter().filter(|need| !(need.there)()).map(|need| need.what).collect();
    if still.is_empty() {
        Ok(())
    } else {
        Err(Failed::machine(format!("Installed, but still not found: {}", still.join(", "))))
    }
}

/// The directory of the programs of these packages. A stamp says what is there, so that the second time asks nobody.
pub fn venv(wanted: &Packages) -> Result<PathBuf, Failed> {
    let place = root().join("target/sandbox").join(wanted.place);
    let bin = place.join("bin");
    let stamp = place.join("vigie.stamp");
    let name = wanted.packages.first().copied().unwrap_or_default();
    let text = wanted.packages.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == text) && bin.join(wanted.program).exists() {
        println!("    {name}: is there");
        return Ok(bin);
    }
    let python = python().ok_or_else(|| Failed::machine("python3 with venv is missing"))?;
    let _ = std::fs::remove_dir_all(&place);
    run::step("virtual environment", &python, &["-m", "venv", &place.to_string_lossy()], &[])?;
    let mut arguments = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
    arguments.extend(wanted.packages);
    run::step(name, &bin.join("python").to_string_lossy(), &arguments, &[])?;
    std::fs::write(&stamp, text).map_err(|e| Failed::machine(format!("{}: {e}", stamp.display())))?;
    Ok(bin)
}

/// A python that can make virtual environments.
fn python() -> Option<String> {
    ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(|python| {
            // 3.10 is the oldest that the emulator runs on.
            let can = "import venv, ensurepip, sys; sys.exit(sys.version_info < (3, 10))";
            run::quiet(Path::new(python), &["-c", can])
        })
        .map(str::to_owned)
}

/// The directory of PostgreSQL's server programs.
fn postgres() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut places: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    places.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    places.into_iter().find(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(sbin).any(|place| place.join(program).is_file())
}
