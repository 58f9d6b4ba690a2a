//! The price table, `prices.toml`: data with a source and a date, read once.

use std::sync::LazyLock;

use serde::Serialize;
use toml_span::Value;

/// What is billed. Each has one row in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Item {
    CloudwatchMetric,
    CloudwatchRequest,
    CloudwatchRead,
    CloudwatchAlarm,
    CloudwatchDashboard,
    LogsIngested,
    SqsRequest,
    S3Put,
    S3Get,
    S3Storage,
    LambdaRequest,
    LambdaGbSecond,
    Secret,
    SecretRead,
    KmsKey,
    KmsRequest,
    Event,
    Schedule,
    SesMail,
    SnsMail,
    UpstashCommand,
}

impl Item {
    pub const ALL: [Item; 21] = [
        Item::CloudwatchMetric,
        Item::CloudwatchRequest,
        Item::CloudwatchRead,
        Item::CloudwatchAlarm,
        Item::CloudwatchDashboard,
        Item::LogsIngested,
        Item::SqsRequest,
        Item::S3Put,
        Item::S3Get,
        Item::S3Storage,
        Item::LambdaRequest,
        Item::LambdaGbSecond,
        Item::Secret,
        Item::SecretRead,
        Item::KmsKey,
        Item::KmsRequest,
        Item::Event,
        Item::Schedule,
        Item::SesMail,
        Item::SnsMail,
        Item::UpstashCommand,
    ];

    /// Its name in the table and in JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Item::CloudwatchMetric => "cloudwatch-metric",
            Item::CloudwatchRequest => "cloudwatch-request",
            Item::CloudwatchRead => "cloudwatch-read",
            Item::CloudwatchAlarm => "cloudwatch-alarm",
            Item::CloudwatchDashboard => "cloudwatch-dashboard",
            Item::LogsIngested => "logs-ingested",
            Item::SqsRequest => "sqs-request",
            Item::S3Put => "s3-put",
            Item::S3Get => "s3-get",
            Item::S3Storage => "s3-storage",
            Item::LambdaRequest => "lambda-request",
            Item::LambdaGbSecond => "lambda-gb-second",
            Item::Secret => "secret",
            Item::SecretRead => "secret-read",
            Item::KmsKey => "kms-key",
            Item::KmsRequest => "kms-request",
            Item::Event => "event",
            Item::Schedule => "schedule",
            Item::SesMail => "ses-mail",
            Item::SnsMail => "sns-mail",
            Item::UpstashCommand => "upstash-command",
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Price {
    pub item: String,
    pub service: String,
    /// One of what is counted.
    pub unit: String,
    pub unit_fr: String,
    /// What [`Price::per`] units cost, in US dollars.
    pub usd: f64,
    pub per: f64,
    /// Units a month that an account gets for nothing.
    pub free: f64,
    /// From so many units a month on, so many dollars instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<(f64, f64)>,
    /// The vendor's page.
    pub source: String,
    /// Where the price was seen.
    pub seen: String,
    pub confirmed: bool,
}

impl Price {
    /// Dollars for so many units, at the first price alone.
    #[must_use]
    pub fn of(&self, quantity: f64) -> f64 {
        quantity / self.per * self.usd
    }

    /// Dollars for so many units, each at the price of its tier.
    #[must_use]
    pub fn tiered(&self, quantity: f64) -> f64 {
        let starts = std::iter::once((0.0, self.usd)).chain(self.then.iter().copied());
        let ends = self.then.iter().map(|(from, _)| *from).chain(std::iter::once(f64::INFINITY));
        starts.zip(ends).map(|((from, usd), end)| (quantity.min(end) - from).max(0.0) / self.per * usd).sum()
    }
}

/// The table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prices {
    pub region: String,
    /// The day on which the prices were looked up.
    pub looked_up: String,
    pub price: Vec<Price>,
}

const TABLE: &str = include_str!("../prices.toml");

static PRICES: LazyLock<Prices> = LazyLock::new(|| read(TABLE).unwrap_or_else(|what| nothing(&what)));

/// The embedded table.
#[must_use]
pub fn prices() -> &'static Prices {
    &PRICES
}

impl Prices {
    #[must_use]
    pub fn of(&self, item: Item) -> &Price {
        let found = self.price.iter().find(|price| price.item == item.code());
        found.unwrap_or_else(|| {
            debug_assert!(false, "{} has no price", item.code());
            &self.price[0]
        })
    }
}

/// The embedded table is right: a test reads it. Were it not, no sum would be better than a wrong one.
fn nothing(what: &str) -> Prices {
    debug_assert!(false, "prices.toml: {what}");
    let price = Price {
        item: String::new(),
        service: String::new(),
        unit: String::new(),
        unit_fr: String::new(),
        usd: f64::NAN,
        per: 1.0,
        free: 0.0,
        then: Vec::new(),
        source: String::new(),
        seen: String::new(),
        confirmed: false,
    };
    Prices { region: String::new(), looked_up: String::new(), price: vec![price] }
}

fn read(text: &str) -> Result<Prices, String> {
    let root = toml_span::parse(text).map_err(|e| e.to_string())?;
    let rows = root.pointer("/price").and_then(Value::as_array).ok_or("no [[price]]")?;
    let price = rows.iter().map(row).collect::<Result<Vec<_>, String>>()?;
    for item in Item::ALL {
        let rows = price.iter().filter(|price| price.item == item.code()).count();
        if rows != 1 {
            return Err(format!("{} has {rows} rows", item.code()));
        }
    }
    if price.len() != Item::ALL.len() {
        return Err("a row prices nothing".to_owned());
    }
    Ok(Prices { region: string(&root, "region")?, looked_up: string(&root, "looked_up")?, price })
}

fn row(row: &Value<'_>) -> Result<Price, String> {
    let tier = |tier: &Value<'_>| Some((number(tier.pointer("/0")?)?, number(tier.pointer("/1")?)?));
    let then = match row.pointer("/then").map(Value::as_array) {
        None => Vec::new(),
        Some(tiers) => {
            let tiers: Option<Vec<_>> = tiers.and_then(|tiers| tiers.iter().map(tier).collect());
            tiers.ok_or("then: pairs of numbers")?
        }
    };
    let of = |key: &str| row.pointer(&format!("/{key}")).and_then(number).ok_or(format!("{key} is no number"));
    Ok(Price {
        item: string(row, "item")?,
        service: string(row, "service")?,
        unit: string(row, "unit")?,
        unit_fr: string(row, "unit_fr")?,
        usd: of("usd")?,
        per: of("per")?,
        free: of("free")?,
        then,
        source: string(row, "source")?,
        seen: string(row, "seen")?,
        confirmed: row.pointer("/confirmed").and_then(Value::as_bool).ok_or("confirmed: true or false")?,
    })
}

fn string(table: &Value<'_>, key: &str) -> Result<String, String> {
    let text = table.pointer(&format!("/{key}")).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned).ok_or(format!("{key} is no text"))
}

#[allow(clippy::cast_precision_loss)] // prices and allowances are far below 2^52
fn number(value: &Value<'_>) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|n| n as f64)).filter(|n| n.is_finite() && *n >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_has_one_price_with_a_source_and_a_date() {
        let prices = read(TABLE).expect("the embedded table is right");
        assert!(prices.looked_up.parse::<jiff::civil::Date>().is_ok());
        for price in &prices.price {
            assert!(price.source.starts_with("https://"), "{}", price.item);
            assert!(price.usd > 0.0 && price.per >= 1.0, "{}", price.item);
            assert!(price.then.is_sorted_by(|a, b| a.0 < b.0 && a.1 > b.1), "{}", price.item);
        }
    }

    #[test]
    fn a_tier_prices_only_what_is_in_it() {
        let metric = prices().of(Item::CloudwatchMetric);
        assert!((metric.tiered(16.0) - 4.80).abs() < 1e-9);
        // 10,000 x 0.30 + 240,000 x 0.10 + 50,000 x 0.05
        assert!((metric.tiered(300_000.0) - 29_500.0).abs() < 1e-6);
        assert!((metric.of(300_000.0) - 90_000.0).abs() < 1e-6);
        assert!(metric.tiered(0.0).abs() < 1e-12);
    }

    #[test]
    fn a_table_that_is_not_right_is_refused() {
        for (what, text) in [
            ("no row", "region = \"x\"\nlooked_up = \"2026-11-29\"\n".to_owned()),
            ("one row less", TABLE.replacen("item = \"ses-mail\"", "item = \"ses-mails\"", 1)),
            ("no number", TABLE.replacen("usd = 0.30", "usd = \"0.30\"", 1)),
            ("no mark", TABLE.replacen("\nconfirmed = true", "\nconfirmed = \"yes\"", 1)),
        ] {
            assert!(read(&text).is_err(), "{what}");
        }
    }
}
