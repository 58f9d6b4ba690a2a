//! The report as a message (RFC 5322 and MIME), and its sending through SES.

mod send;

use jiff::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::url::URL;
use mail_builder::mime::{BodyPart, MimePart};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use send::{Refusal, actions, send};

/// The largest message, in bytes. Source: Amazon SES developer guide, "Service quotas" (API v1).
pub const LARGEST: usize = 10 * 1024 * 1024;
/// The most recipients of one message. Source: the same.
pub const MOST_RECIPIENTS: usize = 50;
/// What stands for itself in a mailto URL, beside letters and digits. Source: RFC 6068, section 2, and RFC 3986, section
/// 2.3. A `+` does not: some readers take it for a space.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A message in two forms, text and HTML.
#[derive(Clone, Debug)]
pub struct Mail<'a> {
    /// `vigie@shop.example` or `Vigie <vigie@shop.example>`.
    pub from: &'a str,
    pub to: &'a [String],
    pub subject: &'a str,
    pub text: &'a str,
    pub html: &'a str,
    pub date: Timestamp,
    /// Without angle brackets: `ID@DOMAIN`. SES puts its own in its place and returns that one.
    pub message_id: &'a str,
    /// Without angle brackets: `report.vigie.shop.example` (RFC 2919).
    pub list_id: Option<&'a str>,
    /// What a reader's "unsubscribe" writes to the sender as the subject (RFC 2369). It is a mail and no click: one click
    /// (RFC 8058) needs an HTTPS address, and Vigie has none.
    pub unsubscribe: Option<&'a str>,
    /// Message ids of earlier reports, oldest first, so that readers show one thread.
    pub references: &'a [String],
    pub parts: &'a [Part],
}

/// A picture in the HTML, or an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    /// `image/png`; of a text with its charset: `text/html; charset=utf-8`.
    pub content_type: String,
    pub bytes: Vec<u8>,
    /// `Some`: shown inside the HTML as `cid:ID`.
    pub cid: Option<String>,
}

/// A message that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    #[error("{header} holds a line break or another control character: refused, for it could add headers")]
    Injection { header: &'static str },
    #[error(
        "{header}: {value:?} is not a mail address; expected name@domain or Name <name@domain>, the address in ASCII"
    )]
    Address { header: &'static str, value: String },
    #[error("{header}: {value:?} is not of its form; expected id@domain, without angle brackets")]
    Id { header: &'static str, value: String },
    #[error("a message has 1 to 50 recipients; this one has {0}")]
    Recipients(usize),
    #[error("the message has {0} bytes; SES takes 10 MB")]
    TooLarge(usize),
    #[error("the message cannot be written; this is a defect of Vigie, please report it")]
    Unwritten,
}

/// The message's bytes: multipart/alternative of text and HTML, pictures beside the HTML, attachments after both. Text
/// and HTML are UTF-8, encoded so that each line is short and ASCII; headers are folded and encoded (RFC 2047).
///
/// There is no `Precedence`: it is not standardized, and RFC 3834 (section 3.1.8) recommends no value of it;
/// `Auto-Submitted` and `List-Id` say the same.
///
/// # Errors
/// A header that could add another, an address that is none, a message that SES would not take.
pub fn compose(mail: &Mail<'_>) -> Result<Vec<u8>, MailError> {
    if mail.to.is_empty() || mail.to.len() > MOST_RECIPIENTS {
        return Err(MailError::Recipients(mail.to.len()));
    }
    let to = mail.to.iter().map(|to| address("To", to)).collect::<Result<Vec<_>, _>>()?;
    let mut message = MessageBuilder::new()
        .from(address("From", mail.from)?)
        .to(Address::new_list(to))
        .subject(plain("Subject", mail.subject)?)
        .date(Date::new(mail.date.as_second()))
        .message_id(id("Message-ID", mail.message_id)?)
        // RFC 3834: no vacation answers to a machine.
        .header("Auto-Submitted", Raw::new("auto-generated"));
    if let Some(list) = mail.list_id {
        let list = plain("List-Id", list)?;
        message = message.header("List-Id", HeaderType::from(Raw::new(format!("<{list}>"))));
    }
    if let Some(subject) = mail.unsubscribe {
        message = message.header("List-Unsubscribe", URL::new(mailto(mail.from, plain("List-Unsubscribe", subject)?)));
    }
    if !mail.references.is_empty() {
        let ids = mail.references.iter().map(|r| id("References", r)).collect::<Result<Vec<_>, _>>()?;
        message = message.references(MessageId::new_list(ids.into_iter()));
    }
    let raw = message.body(body(mail)?).write_to_vec().map_err(|_| MailError::Unwritten)?;
    if raw.len() > LARGEST { Err(MailError::TooLarge(raw.len())) } else { Ok(raw) }
}

fn body<'a>(mail: &'a Mail<'_>) -> Result<MimePart<'a>, MailError> {
    let (mut inline, mut attached) = (Vec::new(), Vec::new());
    for part in mail.parts {
        let name = plain("Content-Disposition", &part.name)?;
        let bytes = BodyPart::Binary(part.bytes.as_slice().into());
        let mime = MimePart::new(plain("Content-Type", &part.content_type)?, bytes);
        match &part.cid {
            Some(cid) => {
                let shown = ContentType::new("inline").attribute("filename", name);
                inline.push(mime.header("Content-Disposition", shown).cid(id("Content-ID", cid)?));
            }
            None => attached.push(mime.attachment(name)),
        }
    }
    let text = MimePart::new("text/plain", BodyPart::Text(mail.text.into()));
    let html = MimePart::new("text/html", BodyPart::Text(mail.html.into()));
    // The type of its root is a required parameter: RFC 2387, section 3.1.
    let related = ContentType::new("multipart/related").attribute("type", "text/html");
    let html = wrapped(related, html, inline);
    let both = MimePart::new("multipart/alternative", vec![text, html]);
    Ok(wrapped(ContentType::new("multipart/mixed"), both, attached))
}

/// `first` alone, or with what belongs to it.
fn wrapped<'a>(kind: ContentType<'a>, first: MimePart<'a>, more: Vec<MimePart<'a>>) -> MimePart<'a> {
    if more.is_empty() {
        return first;
    }
    let mut parts = vec![first];
    parts.extend(more);
    MimePart::new(kind, parts)
}

/// A value without control characters.
fn plain<'a>(header: &'static str, value: &'a str) -> Result<&'a str, MailError> {
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if value.contains(breaks) { Err(MailError::Injection { header }) } else { Ok(value) }
}

/// `id@domain`.
fn id<'a>(header: &'static str, value: &'a str) -> Result<&'a str, MailError> {
    let value = plain(header, value)?;
    let good = value.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty())
        && value.chars().all(|c| c.is_ascii_graphic() && !"<>()[],;\"\\".contains(c));
    if good { Ok(value) } else { Err(MailError::Id { header, value: vigie_core::evidence::clean(value) }) }
}

/// `mailto:vigie@shop.example?subject=unsubscribe%20all-en-utc-07`.
fn mailto(to: &str, subject: &str) -> String {
    let encoded = |text| utf8_percent_encode(text, ENCODED);
    let (user, domain) = bare(to).rsplit_once('@').unwrap_or_default();
    format!("mailto:{}@{}?subject={}", encoded(user), encoded(domain), encoded(subject))
}

/// The address of `Name <name@domain>` without its name.
#[must_use]
pub fn bare(address: &str) -> &str {
    named(address).1
}

fn named(address: &str) -> (Option<&str>, &str) {
    let address = address.trim();
    match address.strip_suffix('>').and_then(|v| v.split_once('<')) {
        Some((name, bare)) => (Some(name.trim().trim_matches('"')).filter(|n| !n.is_empty()), bare),
        None => (None, address),
    }
}

fn address<'a>(header: &'static str, value: &'a str) -> Result<Address<'a>, MailError> {
    let value = plain(header, value)?;
    let (name, bare) = named(value);
    let good = bare.split_once('@').is_some_and(|(user, domain)| !user.is_empty() && domain.contains('.'))
        && bare.matches('@').count() == 1
        // Source: Amazon SES API reference, Destination: SMTPUTF8 is not supported.
        && bare.is_ascii()
        && bare.len() <= 254
        && !bare.contains(|c: char| c.is_whitespace() || "<>,;:\"()[]\\".contains(c));
    if good {
        Ok(Address::new_address(name, bare))
    } else {
        Err(MailError::Address { header, value: vigie_core::evidence::clean(value) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail<'a>(to: &'a [String], subject: &'a str) -> Mail<'a> {
        Mail {
            from: "Vigie <vigie@shop.example>",
            to,
            subject,
            text: "Tout va bien : été.\n",
            html: "<p>Tout va bien&nbsp;: été.</p>",
            date: "2026-11-22T07:00:00Z".parse().unwrap(),
            message_id: "2026-11-22.team@vigie.shop.example",
            list_id: Some("report.vigie.shop.example"),
            unsubscribe: Some("unsubscribe production+staging"),
            references: &[],
            parts: &[],
        }
    }

    fn text(mail: &Mail<'_>) -> String {
        String::from_utf8(compose(mail).unwrap()).unwrap()
    }

    #[test]
    fn headers_and_both_forms() {
        let to = ["ana@shop.example".to_owned(), "Bo <bo@shop.example>".to_owned()];
        let references = ["2026-11-21.team@vigie.shop.example".to_owned()];
        let message =
            text(&Mail { references: &references, ..mail(&to, "production: rouge, 3 problèmes — à voir") });
        let (head, body) = message.split_once("\r\n\r\n").unwrap();
        for line in [
            "From: \"Vigie\" <vigie@shop.example>",
            "Date: Sun, 22 Nov 2026 07:00:00 +0000",
            "Message-ID: <2026-11-22.team@vigie.shop.example>",
            "References: <2026-11-21.team@vigie.shop.example>",
            "List-Id: <report.vigie.shop.example>",
            "List-Unsubscribe: <mailto:vigie@shop.example?subject=unsubscribe%20production%2Bstaging>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(head.lines().any(|l| l == line), "{line} not in\n{head}");
        }
        assert!(head.contains("ana@shop.example") && head.contains("bo@shop.example"));
        assert!(head.contains("Content-Type: multipart/alternative"));
        assert!(head.is_ascii(), "the subject is encoded");
        let (plain, html) = (body.find("text/plain").unwrap(), body.find("text/html").unwrap());
        assert!(plain < html, "the last form is the preferred one");
    }

    #[test]
    fn pictures_beside_the_html_and_attachments_after_both() {
        let to = ["ana@shop.example".to_owned()];
        let part = |name: &str, cid: Option<&str>| Part {
            name: name.to_owned(),
            content_type: "image/png".to_owned(),
            bytes: vec![0, 1, 2, 255],
            cid: cid.map(str::to_owned),
        };
        let parts = [part("chart.png", Some("chart@vigie")), part("run.json", None)];
        let message = text(&Mail { parts: &parts, ..mail(&to, "x") });
        let at = |what: &str| message.find(what).unwrap_or_else(|| panic!("{what} not in\n{message}"));
        assert!(at("multipart/mixed") < at("multipart/alternative"));
        assert!(at("multipart/alternative") < at("multipart/related"));
        assert!(at("multipart/related; type=\"text/html\"") < at("text/html; charset=\"utf-8\""));
        assert!(at("Content-ID: <chart@vigie>") < at("run.json"));
        assert!(at("inline; filename=\"chart.png\"") < at("attachment; filename=\"run.json\""));
        assert!(message.contains("AAEC/w=="));
        let bad = [part("chart.png", Some("chart"))];
        let error = compose(&Mail { parts: &bad, ..mail(&to, "x") });
        assert!(matches!(error, Err(MailError::Id { header: "Content-ID", .. })), "a Content-ID is a message id");
    }

    #[test]
    fn no_value_adds_a_header() {
        let to = ["ana@shop.example".to_owned()];
        let good = mail(&to, "x");
        let bad_to = ["ana@shop.example\r\nBcc: eve@evil.example".to_owned()];
        let bad_references = ["a@b\r\nBcc: eve@evil.example".to_owned()];
        for (bad, header) in [
            (Mail { subject: "x\r\nBcc: eve@evil.example", ..good.clone() }, "Subject"),
            (Mail { subject: "x\nBcc: eve@evil.example", ..good.clone() }, "Subject"),
            (Mail { from: "v@x.example\r\nBcc: eve@evil.example", ..good.clone() }, "From"),
            (Mail { to: &bad_to, ..good.clone() }, "To"),
            (Mail { list_id: Some("x\r\nBcc: eve@evil.example"), ..good.clone() }, "List-Id"),
            (Mail { message_id: "a@b\r\nBcc: eve@evil.example", ..good.clone() }, "Message-ID"),
            (Mail { references: &bad_references, ..good.clone() }, "References"),
            (Mail { unsubscribe: Some("x\r\nBcc: eve@evil.example"), ..good.clone() }, "List-Unsubscribe"),
        ] {
            assert_eq!(compose(&bad), Err(MailError::Injection { header }));
        }
        assert!(compose(&good).is_ok());
    }

    #[test]
    fn addresses() {
        for good in ["a@b.example", "Ana Ruiz <a@b.example>", "\"Ruiz, Ana\" <a@b.example>", "Équipe <a@b.example>"] {
            assert!(address("To", good).is_ok(), "{good}");
        }
        for bad in
            ["", "a", "a@b", "@b.example", "a@b.example, c@d.example", "a b@c.example", "a@b@c.example", "a@é.example"]
        {
            assert!(matches!(address("To", bad), Err(MailError::Address { .. })), "{bad}");
        }
        assert_eq!(bare(" Équipe <a+b@b.example> "), "a+b@b.example");
        assert_eq!(mailto("a+b@b.example", "x&y=é"), "mailto:a%2Bb@b.example?subject=x%26y%3D%C3%A9");
        assert_eq!(compose(&mail(&[], "x")), Err(MailError::Recipients(0)));
    }
}
