//! HMAC fingerprints: two values can be compared without either being kept.

use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// HMAC-SHA256, truncated to 128 bits, and the id of its key. Under different keys a comparison is unknown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Fingerprint {
    /// The first 8 hex digits of SHA-256 over the key under a label of its own: names the key, gives nothing away.
    pub key: String,
    /// 32 hex digits.
    pub mac: String,
}

/// The installation's key: 32 bytes or more.
pub struct FingerprintKey {
    key: SecretSlice<u8>,
    id: String,
}

impl FingerprintKey {
    pub const SHORTEST: usize = 32;

    /// `None` when the key is shorter than 32 bytes.
    #[must_use]
    pub fn new(key: &[u8]) -> Option<Self> {
        if key.len() < Self::SHORTEST {
            return None;
        }
        let mut digest = Sha256::new();
        digest.update(b"vigie fingerprint key id\0");
        digest.update(key);
        let id = hex(&digest.finalize()[..4]);
        Some(FingerprintKey { key: SecretSlice::from(key.to_vec()), id })
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The fingerprint of a value. `purpose` keeps equal values of different meaning apart where that is wanted.
    #[must_use]
    pub fn of(&self, purpose: &str, value: &[u8]) -> Fingerprint {
        let mac = Hmac::<Sha256>::new_from_slice(self.key.expose_secret()).map(|mut mac| {
            mac.update(purpose.as_bytes());
            mac.update(&[0]);
            mac.update(value);
            hex(&mac.finalize().into_bytes()[..16])
        });
        // An HMAC takes a key of any length: there is no error to lose here.
        Fingerprint { key: self.id.clone(), mac: mac.unwrap_or_default() }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
