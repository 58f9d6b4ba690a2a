//! How hard a secret is to guess: an upper bound, estimated from what it is made of.

use crate::facts::variables::{Pattern, Strength};

/// Bits of one word of a list of 7,776 (Diceware).
const WORD: f64 = 12.9;
/// Bits of a character that its neighbours foretell.
const FORETOLD: f64 = 1.0;

/// What people type when asked for a secret. In lower case, five letters or more, so that chance does not find them.
const DICTIONARY: &[&str] = &[
    "supersecret",
    "nextauth",
    "authsecret",
    "sessionsecret",
    "password",
    "passw0rd",
    "secret",
    "changeme",
    "letmein",
    "welcome",
    "admin",
    "production",
    "staging",
    "development",
    "default",
    "example",
    "hunter",
    "dragon",
    "monkey",
    "iloveyou",
    "football",
    "master",
    "shadow",
    "sunshine",
    "princess",
    "azerty",
    "test1",
    "hello",
    "token",
    "please",
    "secure",
    "random",
    "string",
    "generate",
    "jwtsecret",
    "minimum",
    "characters",
];

const KEYBOARD: &[&str] = &[
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz2wsx3edc4rfv",
    "qazwsxedc",
    "1234567890",
    "0987654321",
    "abcdefghijklmnopqrstuvwxyz",
];
/// Letters of a keyboard's row that are no chance.
const ROW: usize = 6;

/// The strength of a secret.
pub(super) fn of(secret: &str) -> Strength {
    let chars: Vec<char> = secret.chars().take(4_096).collect();
    let lower: Vec<char> = chars.iter().map(char::to_ascii_lowercase).collect();
    let mut kinds: Vec<Option<Pattern>> = vec![None; chars.len()];
    let words = mark_words(&lower, &mut kinds);
    mark_rows(&lower, &mut kinds);
    mark_repetitions(&chars, &mut kinds);
    let free = kinds.iter().filter(|k| k.is_none()).count();
    let per = per_character(&chars);
    let foretold = kinds.iter().filter(|k| matches!(k, Some(Pattern::Keyboard | Pattern::Repetition))).count();
    let measured = as_f64(free) * per + as_f64(words) * WORD + as_f64(foretold) * FORETOLD;
    let bits = phrase(secret).map_or(measured, |phrase| phrase.min(measured));
    Strength { bits: to_u64(bits), pattern: pattern(&kinds) }
}

/// What makes up a third of it or more.
fn pattern(kinds: &[Option<Pattern>]) -> Option<Pattern> {
    let share = |of: Pattern| kinds.iter().filter(|k| **k == Some(of)).count();
    [Pattern::Dictionary, Pattern::Keyboard, Pattern::Repetition]
        .into_iter()
        .max_by_key(|of| share(*of))
        .filter(|of| share(*of) > 0 && share(*of) * 3 >= kinds.len())
}

/// Bits of a random character of the alphabet in use.
fn per_character(chars: &[char]) -> f64 {
    let has = |f: fn(&char) -> bool| chars.iter().any(f);
    if chars.iter().all(char::is_ascii_hexdigit) && !(has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase)) {
        return if has(char::is_ascii_alphabetic) { 4.0 } else { 10f64.log2() };
    }
    let sizes = [
        (has(char::is_ascii_lowercase), 26),
        (has(char::is_ascii_uppercase), 26),
        (has(char::is_ascii_digit), 10),
        (has(|c| matches!(c, '+' | '/' | '=' | '-' | '_')), 2),
        (has(|c| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=' | '-' | '_')), 28),
    ];
    let size: u32 = sizes.iter().filter(|(used, _)| *used).map(|(_, size)| size).sum();
    f64::from(size.max(1)).log2()
}

/// Marks known words, and counts them.
fn mark_words(lower: &[char], kinds: &mut [Option<Pattern>]) -> usize {
    let mut count = 0;
    for word in DICTIONARY {
        let word: Vec<char> = word.chars().collect();
        for start in 0..lower.len().saturating_sub(word.len() - 1) {
            let free = kinds[start..start + word.len()].iter().all(Option::is_none);
            if free && lower[start..start + word.len()] == word[..] {
                kinds[start..start + word.len()].fill(Some(Pattern::Dictionary));
                count += 1;
            }
        }
    }
    count
}

fn mark_rows(lower: &[char], kinds: &mut [Option<Pattern>]) {
    for row in KEYBOARD {
        let row: Vec<char> = row.chars().collect();
        for start in 0..lower.len().saturating_sub(ROW - 1) {
            let window = &lower[start..start + ROW];
            if row.windows(ROW).any(|part| part == window) {
                kinds[start..start + ROW].iter_mut().filter(|k| k.is_none()).for_each(|k| *k = Some(Pattern::Keyboard));
            }
        }
    }
}

/// Marks what repeats the characters before it: `aaaa`, `abcabcabc`, at periods up to 16.
fn mark_repetitions(chars: &[char], kinds: &mut [Option<Pattern>]) {
    for period in 1..=16.min(chars.len() / 2) {
        let mut run = 0;
        for at in period..chars.len() {
            run = if chars[at] == chars[at - period] { run + 1 } else { 0 };
            if run >= period.max(5) {
                kinds[at + 1 - run..=at]
                    .iter_mut()
                    .filter(|k| k.is_none())
                    .for_each(|k| *k = Some(Pattern::Repetition));
            }
        }
    }
}

/// Bits of a phrase of words in lower case: `correct-horse-battery-staple`.
fn phrase(secret: &str) -> Option<f64> {
    let words: Vec<&str> = secret.split(['-', '_', ' ', '.']).collect();
    let word = |w: &&str| (2..=12).contains(&w.len()) && w.bytes().all(|b| b.is_ascii_lowercase());
    (words.len() >= 3 && words.iter().all(word)).then(|| as_f64(words.len()) * WORD)
}

#[allow(clippy::cast_precision_loss)] // at most 4,096
fn as_f64(n: usize) -> f64 {
    n as f64
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // positive and small
fn to_u64(bits: f64) -> u64 {
    bits as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_secrets_are_strong() {
        for secret in [
            "q7Zt0cPpYb3kK1mVf5xX8uLw2nHs9dGjR4eTzA6iB0o=",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "9f86d081884c7d659a2feaa0c55ad015",
            "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822C",
        ] {
            let strength = of(secret);
            assert!(strength.bits >= 120 && strength.pattern.is_none(), "{secret}: {strength:?}");
        }
    }

    #[test]
    fn what_people_type_is_weak() {
        for (secret, pattern) in [
            ("supersecretpasswordsupersecretpassword", Some(Pattern::Dictionary)),
            ("my-nextauth-secret-for-production-please", Some(Pattern::Dictionary)),
            ("qwertyuiopasdfghjklzxcvbnm1234567890", Some(Pattern::Keyboard)),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Some(Pattern::Repetition)),
            ("abcXabcXabcXabcXabcXabcXabcXabcXabcX", Some(Pattern::Repetition)),
            ("correct-horse-battery-staple-pony", None),
        ] {
            let strength = of(secret);
            assert!(strength.bits < 128, "{secret}: {strength:?}");
            assert_eq!(strength.pattern, pattern, "{secret}");
        }
        assert_eq!(of("").bits, 0);
    }

    proptest::proptest! {
        #[test]
        fn thirty_two_random_bytes_are_never_weak(bytes in proptest::array::uniform32(0u8..)) {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            let strength = of(&hex);
            proptest::prop_assert!(strength.bits >= 128 && strength.pattern.is_none(), "{:?}", strength);
        }
    }
}
