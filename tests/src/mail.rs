//! Reads a MIME mail back: headers and the parts of a multipart message (RFC 2045 to 2047), enough to see what was sent.

/// A part of a mail.
#[derive(Clone, Debug)]
pub struct Part {
    /// `text/html; charset=utf-8`.
    pub kind: String,
    pub text: String,
    /// Of a picture inside the HTML, without angle brackets.
    pub cid: Option<String>,
    pub bytes: Vec<u8>,
}

/// The value of a header, unfolded.
#[must_use]
pub fn header(raw: &str, name: &str) -> Option<String> {
    let (head, _) = split(raw);
    let unfolded = head.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    unfolded.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    })
}

/// The leaves of a mail, in their order.
#[must_use]
pub fn parts(raw: &str) -> Vec<Part> {
    let kind = header(raw, "Content-Type").unwrap_or_else(|| "text/plain".to_owned());
    let (_, body) = split(raw);
    if kind.to_ascii_lowercase().starts_with("multipart/") {
        let Some(boundary) = parameter(&kind, "boundary") else { return Vec::new() };
        let marker = format!("--{boundary}");
        return body
            .split(marker.as_str())
            .skip(1)
            .take_while(|part| !part.starts_with("--"))
            .flat_map(|part| parts(part.trim_start_matches(['\r', '\n'])))
            .collect();
    }
    let encoding = header(raw, "Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase();
    let bytes = match encoding.as_str() {
        "base64" => {
            let packed: String = body.chars().filter(|c| !c.is_whitespace()).collect();
            aws_smithy_types::base64::decode(packed).unwrap_or_default()
        }
        "quoted-printable" => quoted(body),
        _ => body.as_bytes().to_vec(),
    };
    let cid = header(raw, "Content-ID").map(|id| id.trim_matches(['<', '>']).to_owned());
    vec![Part { kind, text: String::from_utf8_lossy(&bytes).into_owned(), cid, bytes }]
}

/// The first part of this type.
#[must_use]
pub fn part(raw: &str, kind: &str) -> Option<String> {
    parts(raw).into_iter().find(|part| part.kind.to_ascii_lowercase().starts_with(kind)).map(|part| part.text)
}

/// The HTML as a reader shows it, its pictures in it: for a browser, which knows no `cid:`.
#[must_use]
pub fn shown(raw: &str) -> Option<String> {
    let mut html = part(raw, "text/html")?;
    for picture in parts(raw) {
        let Some(cid) = picture.cid else { continue };
        let kind = picture.kind.split(';').next().unwrap_or_default();
        let data = format!("data:{kind};base64,{}", aws_smithy_types::base64::encode(&picture.bytes));
        html = html.replace(&format!("\"cid:{cid}\""), &format!("\"{data}\""));
    }
    Some(html)
}

fn split(raw: &str) -> (&str, &str) {
    raw.split_once("\r\n\r\n").or_else(|| raw.split_once("\n\n")).unwrap_or((raw, ""))
}

fn parameter(value: &str, name: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|parameter| {
        let (found, value) = parameter.trim().split_once('=')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
    })
}

fn quoted(body: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = body.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'=', [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..]) => tail,
            (b'=', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high * 16 + low);
                    after
                }
                _ => {
                    out.push(b'=');
                    tail
                }
            },
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MAIL: &str = "From: a@b\r\nSubject: two\r\n words\r\nContent-Type: multipart/alternative; boundary=\"x\"\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nd=C3=A9j=\r\n=C3=A0 =3D\r\n--x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+\r\nPC9iPg==\r\n--x--\r\n";

    #[test]
    fn reads_both_encodings() {
        assert_eq!(header(MAIL, "subject").unwrap(), "two words");
        assert_eq!(part(MAIL, "text/plain").unwrap().trim_end(), "déjà =");
        assert_eq!(part(MAIL, "text/html").unwrap(), "<b></b>");
        assert!(part(MAIL, "text/calendar").is_none());
    }
}
