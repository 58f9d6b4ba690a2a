//! The whole message, as the report function would send it: an .eml file, charts and attachment inside.

use miette::{IntoDiagnostic, WrapErr};
use vigie_core::config::Config;
use vigie_core::report::{Report, mail};
use vigie_report::lists::lists;
use vigie_report::outbox::{Letter, compose};

/// Who would write to whom.
pub struct Envelope {
    from: String,
    to: Vec<String>,
    list: String,
}

impl Default for Envelope {
    /// Nobody: the domain `invalid` is nobody's (RFC 2606).
    fn default() -> Self {
        Envelope {
            from: "Vigie <vigie@vigie.invalid>".to_owned(),
            to: vec!["team@vigie.invalid".to_owned()],
            list: "preview".to_owned(),
        }
    }
}

impl Envelope {
    /// The sender and the first recipient list of a configuration that has them.
    pub fn of(config: &Config) -> Envelope {
        let list = lists(config).into_iter().next();
        match config.report.as_ref().zip(list) {
            Some((report, list)) => Envelope { from: report.from.clone(), to: list.addresses, list: list.id },
            None => Envelope::default(),
        }
    }
}

/// # Errors
/// The configuration's addresses are none.
pub fn message(report: &Report, envelope: &Envelope) -> miette::Result<Vec<u8>> {
    let Envelope { from, to, list } = envelope;
    let (from, to, list) = (from.clone(), to.clone(), list.clone());
    let letter = Letter { from, to, mail: mail::mail(report), list, at: report.at, copy: 1 };
    compose(&letter).into_diagnostic().wrap_err("the configuration's [report] makes no message")
}
