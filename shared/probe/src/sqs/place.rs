//! What a queue URL says: account, region and name.

use url::Url;

/// A queue URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Rebuilt from scheme, host, port and path: without user info, query or fragment.
    pub url: String,
    pub account: String,
    pub name: String,
    /// `None` at a custom endpoint, whose host names no region.
    pub region: Option<String>,
}

impl Place {
    /// The URL of another queue of the same account and region.
    pub fn sibling(&self, name: &str) -> String {
        let end = self.url.len() - self.name.len();
        format!("{}{name}", &self.url[..end])
    }
}

/// `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME` and AWS's other hosts for it; with a custom endpoint any host. `None` when
/// it is not a queue URL.
///
/// Source: Amazon SQS Developer Guide, "Queue and message identifiers"; AWS General Reference, "Amazon SQS endpoints".
pub(super) fn parse(text: &str, custom_endpoint: Option<&str>) -> Option<Place> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?;
    let region = match region(host) {
        Some(region) => Some(region),
        None if custom_endpoint.is_some() => None,
        None => return None,
    };
    let mut parts = url.path_segments()?.rev().filter(|part| !part.is_empty());
    let name = parts.next().filter(|name| is_name(name))?;
    let account = parts.next().filter(|account| is_account(account))?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(Place {
        url: format!("{}://{host}{port}/{account}/{name}", url.scheme()),
        account: account.to_owned(),
        name: name.to_owned(),
        region,
    })
}

/// The region of an AWS host of SQS.
fn region(host: &str) -> Option<String> {
    let labels: Vec<&str> = host.split('.').collect();
    let region = match labels.as_slice() {
        ["queue", "amazonaws", "com"] => "us-east-1",
        ["sqs" | "sqs-fips", region, "amazonaws", "com"]
        | ["sqs", region, "amazonaws", "com", "cn"]
        | [region, "queue", "amazonaws", "com"]
        | [region, "queue", "amazonaws", "com", "cn"]
        | ["sqs" | "sqs-fips", region, "api", "aws"]
        | ["sqs", region, "api", "amazonwebservices", "com", "cn"]
        | [_, "sqs", region, "vpce", "amazonaws", "com"]
        | [_, "sqs", region, "vpce", "amazonaws", "com", "cn"] => region,
        _ => return None,
    };
    let known = region.len() <= 32 && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    known.then(|| region.to_owned())
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// 1 to 80 letters, digits, hyphens and underscores; a FIFO queue ends in `.fifo`.
fn is_name(text: &str) -> bool {
    let stem = text.strip_suffix(".fifo").unwrap_or(text);
    !stem.is_empty() && text.len() <= 80 && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Option<(String, String, Option<String>)> {
        parse(url, None).map(|place| (place.account, place.name, place.region))
    }

    #[test]
    fn aws_hosts_name_their_region() {
        for (host, region) in [
            ("sqs.eu-west-3.amazonaws.com", "eu-west-3"),
            ("sqs-fips.us-east-1.amazonaws.com", "us-east-1"),
            ("eu-west-1.queue.amazonaws.com", "eu-west-1"),
            ("queue.amazonaws.com", "us-east-1"),
            ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("vpce-0a1.sqs.eu-west-3.vpce.amazonaws.com", "eu-west-3"),
            ("sqs.eu-west-3.api.aws", "eu-west-3"),
        ] {
            let parsed = of(&format!("https://{host}/111122223333/jobs.fifo"));
            assert_eq!(parsed, Some(("111122223333".into(), "jobs.fifo".into(), Some(region.into()))), "{host}");
        }
    }

    #[test]
    fn what_is_no_queue_url_is_refused() {
        for url in [
            "",
            "jobs",
            "arn:aws:sqs:eu-west-3:111122223333:jobs",
            "https://sqs.eu-west-3.amazonaws.com/jobs",
            "https://sqs.eu-west-3.amazonaws.com/111122223333/",
            "https://sqs.eu-west-3.amazonaws.com/1111/jobs",
            "https://sqs.eu-west-3.amazonaws.com/111122223333/jo bs",
            "https://sqs.eu-west-3.amazonaws.com.evil.example/111122223333/jobs",
            "https://169.254.169.254/111122223333/jobs",
            "ftp://sqs.eu-west-3.amazonaws.com/111122223333/jobs",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
    }

    #[test]
    fn secrets_in_a_url_do_not_stay() {
        let place = parse("https://user:canary@sqs.eu-west-3.amazonaws.com/111122223333/jobs?k=canary#canary", None);
        assert_eq!(
            place.map(|place| place.url).as_deref(),
            Some("https://sqs.eu-west-3.amazonaws.com/111122223333/jobs")
        );
    }

    #[test]
    fn a_custom_endpoint_has_its_own_hosts_and_no_region() {
        let place = parse("http://127.0.0.1:4566/000000000000/jobs", Some("http://127.0.0.1:4566")).unwrap();
        assert_eq!(place.region, None);
        assert_eq!(place.sibling("jobs-dlq"), "http://127.0.0.1:4566/000000000000/jobs-dlq");
    }
}
