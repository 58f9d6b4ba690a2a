//! What a variable's name says of its value.

/// Whether the name itself says that the value is a secret.
pub(crate) fn secret(name: &str) -> bool {
    let said = ["SECRET", "SECRETS", "TOKEN", "PASSWORD", "PASSWD", "PRIVATE", "CREDENTIALS"];
    words(name).any(|word| said.contains(&word.as_str())) || name.to_ascii_uppercase().contains("SERVICE_ROLE")
}

/// Whether only ASCII can be right: a key, a secret or an address.
pub(super) fn ascii_only(name: &str) -> bool {
    secret(name) || words(name).any(|word| ["KEY", "URL", "URI", "DSN"].contains(&word.as_str()))
}

fn words(name: &str) -> impl Iterator<Item = String> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_only() {
        for name in ["NEXT_PUBLIC_API_SECRET", "DB_PASSWORD", "X_TOKEN", "SUPABASE_SERVICE_ROLE_KEY"] {
            assert!(secret(name), "{name}");
        }
        for name in ["NEXT_PUBLIC_TOKENS_PER_PAGE", "SECRETARY_EMAIL", "PUBLIC_KEY"] {
            assert!(!secret(name), "{name}");
        }
    }
}
