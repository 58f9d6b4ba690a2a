//! The app's variables, as secrets, and what may be known of them.

pub mod dotenv;
mod fingerprints;
mod known;
mod locator;
mod names;
mod placeholder;
mod shape;
mod strays;
mod strength;

pub use crate::facts::variables::Unread;
pub use fingerprints::fingerprints;
pub use known::facts;
pub use locator::queue_name;
pub use strays::trimmed;

pub(crate) use names::secret as named_secret;
pub(crate) use shape::is_secret;

use crate::Named;
use secrecy::SecretString;

/// The merged variables of one environment. No `Debug` text, no `Serialize`.
#[derive(Default)]
pub struct Variables {
    pub values: Named<Variable>,
    /// Sources that could not be read.
    pub unread: Vec<Unread>,
}

pub struct Variable {
    pub value: SecretString,
    /// `dotenv:.env.production`, `ssm:/shop/production/`: the source that won.
    pub source: String,
}

/// Whether an address can only mean the machine that it was written on, such as `http://localhost:3000`.
#[must_use]
pub fn of_a_desk(address: &str) -> bool {
    let kind = |url: url::Url| Some(locator::host_kind(url.host_str()?));
    locator::parse(address).and_then(kind).is_some_and(|kind| kind.of_a_desk())
}
