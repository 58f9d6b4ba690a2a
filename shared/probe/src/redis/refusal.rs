//! What a Redis error reply means. Only its first word is kept: the rest may quote a key or a user.

use vigie_core::cause::Cause;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub cause: Cause,
    /// `READONLY`, `OOM`, `ERR`; `-` for a word that is none.
    pub code: String,
}

/// An error reply as the server sent it: `READONLY You can't write against a read only replica.`
///
/// Codes: Redis source, `server.c` and `acl.c`; texts of spent quotas: Upstash documentation, "Troubleshooting".
pub(super) fn read(reply: &str) -> Refusal {
    let word = reply.split_whitespace().next().unwrap_or_default();
    let known = !word.is_empty() && word.len() <= 20 && word.bytes().all(|b| b.is_ascii_uppercase());
    let code = if known { word.to_owned() } else { "-".to_owned() };
    Refusal { cause: cause(word, &reply.to_ascii_lowercase()), code }
}

fn cause(word: &str, reply: &str) -> Cause {
    match word {
        "WRONGPASS" | "NOAUTH" => Cause::Auth,
        "NOPERM" => Cause::NoPermission,
        "READONLY" => Cause::ReadOnly,
        "OOM" => Cause::OutOfMemory,
        "MISCONF" => Cause::Persistence,
        "LOADING" | "MASTERDOWN" => Cause::Starting,
        _ => by_text(reply),
    }
}

fn by_text(reply: &str) -> Cause {
    const TEXTS: &[(&str, Cause)] = &[
        ("request limit exceeded", Cause::QuotaSpent),
        ("max requests limit", Cause::QuotaSpent),
        ("max monthly", Cause::QuotaSpent),
        ("max daily", Cause::QuotaSpent),
        ("bandwidth limit", Cause::QuotaSpent),
        ("capacity quota", Cause::OutOfMemory),
        ("max concurrent connections", Cause::NoSlots),
        ("max number of clients", Cause::NoSlots),
        ("rate limit", Cause::Throttled),
        ("without any password configured", Cause::Auth),
        ("invalid password", Cause::Auth),
        ("unauthorized", Cause::Auth),
        ("protected mode", Cause::Denied),
        ("db index is out of range", Cause::NoDatabase),
        ("invalid db index", Cause::NoDatabase),
        ("unknown command", Cause::Unsupported),
    ];
    TEXTS.iter().find(|(text, _)| reply.contains(text)).map_or(Cause::ServerError, |(_, cause)| *cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reply_has_its_cause_and_only_its_code_is_kept() {
        for (reply, cause, code) in [
            ("WRONGPASS invalid username-password pair or user is disabled.", Cause::Auth, "WRONGPASS"),
            ("NOAUTH Authentication required.", Cause::Auth, "NOAUTH"),
            ("NOPERM this user has no permissions to run the 'set' command", Cause::NoPermission, "NOPERM"),
            ("READONLY You can't write against a read only replica.", Cause::ReadOnly, "READONLY"),
            ("OOM command not allowed when used memory > 'maxmemory'.", Cause::OutOfMemory, "OOM"),
            ("MISCONF Redis is configured to save RDB snapshots", Cause::Persistence, "MISCONF"),
            ("LOADING Redis is loading the dataset in memory", Cause::Starting, "LOADING"),
            ("ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.", Cause::QuotaSpent, "ERR"),
            ("ERR max requests limit exceeded. Limit: 500000, Usage: 500000.", Cause::QuotaSpent, "ERR"),
            ("ERR DB capacity quota exceeded", Cause::OutOfMemory, "ERR"),
            ("ERR max number of clients reached", Cause::NoSlots, "ERR"),
            ("ERR unknown command 'SET', with args beginning with:", Cause::Unsupported, "ERR"),
            ("ERR something new", Cause::ServerError, "ERR"),
            ("a lower-case secret", Cause::ServerError, "-"),
            ("", Cause::ServerError, "-"),
        ] {
            assert_eq!(read(reply), Refusal { cause, code: code.to_owned() }, "{reply}");
        }
    }
}
