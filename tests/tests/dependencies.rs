//! What the functions are built of decides their cold start.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::Command;

/// The tree of one package's ordinary dependencies, as cargo resolves it for this machine.
fn tree(package: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--offline", "--locked"])
        .current_dir(vigie_tests::aws::root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// aws-lc's CPU-jitter entropy costs 50 ms of CPU at the first handshake: the functions use ring.
#[test]
fn the_functions_do_not_contain_aws_lc() {
    for package in ["vigie-audit", "vigie-report"] {
        let tree = tree(package);
        assert!(
            !tree.contains("aws-lc"),
            "{package} depends on aws-lc; find out by: cargo tree -p {package} -i aws-lc-sys"
        );
        // The positive control: the same look finds what is there.
        assert!(tree.contains("ring v0.17"), "{package} has lost ring");
    }
}

#[test]
fn the_functions_contain_nothing_of_the_sandbox_or_the_terminal() {
    for package in ["vigie-audit", "vigie-report"] {
        let tree = tree(package);
        for stranger in ["rcgen", "hickory-server", "insta", "clap v", "indicatif", "schemars_derive v0"] {
            assert!(!tree.contains(stranger), "{package} depends on {stranger}");
        }
    }
}

/// The core has no I/O, no clock and no randomness: it cannot even name a runtime or a socket.
#[test]
fn the_core_is_pure() {
    let tree = tree("vigie-core");
    for stranger in ["tokio v", "reqwest v", "hyper v", "aws-", "rand v", "getrandom v", "uuid v"] {
        assert!(!tree.lines().any(|line| line.starts_with(stranger)), "vigie-core depends on {stranger}");
    }
    assert!(tree.contains("serde v1"));
}

/// Probing and writing meet in the functions only.
#[test]
fn probe_and_aws_do_not_know_each_other() {
    let probe = tree("vigie-probe");
    assert!(!probe.lines().any(|line| line.starts_with("vigie-aws ")), "vigie-probe depends on vigie-aws");
    let aws = tree("vigie-aws");
    assert!(!aws.lines().any(|line| line.starts_with("vigie-probe ")), "vigie-aws depends on vigie-probe");
    assert!(probe.contains("vigie-core v") && aws.contains("vigie-core v"));
}
