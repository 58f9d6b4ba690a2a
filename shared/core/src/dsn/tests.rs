use super::*;
use proptest::prelude::*;
use secrecy::ExposeSecret;

fn dsn(text: &str) -> Dsn {
    parse(&SecretString::from(text.to_owned()), None)
}

fn password(dsn: &Dsn) -> Option<&str> {
    dsn.password.as_ref().map(|p| p.expose_secret())
}

fn hosts(dsn: &Dsn) -> Vec<String> {
    dsn.endpoints
        .iter()
        .map(|e| match e {
            Endpoint::Tcp { host, port } => format!("{host} {port}"),
            Endpoint::Unix { directory, port } => format!("{directory}! {port}"),
        })
        .collect()
}

#[test]
fn reads_what_a_sound_string_says() {
    let d = dsn(
        "postgresql://app:p%40ss%2Fw@DB.shop.example:6543/shop?sslmode=verify-full&schema=public&connect_timeout=5",
    );
    assert_eq!((d.user.as_deref(), password(&d), d.database.as_deref()), (Some("app"), Some("p@ss/w"), Some("shop")));
    assert_eq!(hosts(&d), ["db.shop.example 6543"]);
    assert_eq!(d.facts.sslmode, Some(SslMode::VerifyFull));
    assert_eq!(d.facts.keys, ["connect_timeout", "schema", "sslmode"]);
    assert_eq!(d.facts.only_of(Driver::Prisma), ["schema"]);
    assert!(d.facts.malformed.is_empty() && d.facts.usable());
}

#[test]
fn reads_several_hosts_sockets_and_addresses() {
    assert_eq!(hosts(&dsn("postgres://u:p@a:1,b,[::1]:3/db")), ["a 1", "b 5432", "::1 3"]);
    assert_eq!(hosts(&dsn("postgres://u@%2Fvar%2Frun%2Fpostgresql:5433/db")), ["/var/run/postgresql! 5433"]);
    assert_eq!(hosts(&dsn("postgres://u:p@/db?host=/tmp&port=7")), ["/tmp! 7"]);
    assert_eq!(hosts(&dsn("postgres:///db?host=a,b&port=1,2&user=u")), ["a 1", "b 2"]);
    assert!(dsn("postgres://u@%2Ftmp/db").facts.local());
    assert!(dsn("postgres://u@127.0.0.1,localhost/db").facts.local());
    assert!(!dsn("postgres://u@127.0.0.1,db/db").facts.local());
    let d = dsn("postgres://a,b/db?target_session_attrs=read-write");
    assert_eq!(d.facts.target_session_attrs, Some(SessionAttrs::ReadWrite));
}

#[test]
fn tells_what_is_malformed() {
    use Malformation::*;
    for (text, wrong) in [
        ("mysql://u:p@h/db", vec![Scheme]),
        ("\"postgres://u:p@h/db\"", vec![Scheme]),
        ("postgres:u@h", vec![Scheme]),
        ("", vec![Scheme]),
        ("postgres://u:p@/db", vec![NoHost]),
        ("postgres:///db", vec![NoHost]),
        ("postgres://u:p@h", vec![NoDatabase]),
        ("postgres://u:p@h/", vec![NoDatabase]),
        ("postgres://u:p@h:543x/db", vec![Port]),
        ("postgres://u:p@h:0/db", vec![Port]),
        ("postgres://u:p@h:70000/db", vec![Port]),
        ("postgres://u:p@h:+54/db", vec![Port]),
        ("postgres://u:p@[::1/db", vec![Host]),
        ("postgres://u:p@h ost/db", vec![Host]),
        ("postgres://u:p@x@h/db", vec![RawAt]),
        ("postgres://u:p/x@h/db", vec![RawReserved]),
        ("postgres://u:p?x@h/db", vec![RawReserved]),
        ("postgres://u:p#x@h/db", vec![RawReserved]),
        ("postgres://u:1/x@h/db", vec![RawReserved]),
        ("postgres://u:p x@h/db", vec![RawSpace]),
        ("postgres://u:p%x@h/db", vec![RawPercent]),
        ("postgres://u:p%ff@h/db", vec![Encoding]),
        ("postgres://u:p%00@h/db", vec![Encoding]),
        ("postgres://u:p@h/db?sslmode=verify_full", vec![Sslmode]),
        ("postgres://u:p@h/db\n", vec![Whitespace]),
        ("postgres://u:p@h/db?application_name=a@b", vec![]),
    ] {
        assert_eq!(dsn(text).facts.malformed, wrong, "{text}");
    }
    assert_eq!(dsn(&"x".repeat(LONGEST + 1)).facts.malformed, [TooLong]);
}

#[test]
fn a_raw_at_is_cut_where_node_postgres_cuts() {
    let d = dsn("postgres://app:p@ss@db/shop");
    assert_eq!((hosts(&d), password(&d)), (vec!["db 5432".to_owned()], Some("p@ss")));
    let d = dsn("postgres://app:100%@db/shop");
    assert_eq!(password(&d), Some("100%"));
}

#[test]
fn a_cut_password_is_never_taken_for_a_host() {
    for text in ["postgres://app:hunter/2@db/shop", "postgres://app:a@hunter/2@db/shop", "postgres://app:hunter#2@db/s"]
    {
        let d = dsn(text);
        assert!(d.facts.hosts.is_empty() && d.endpoints.is_empty(), "{text}");
    }
}

#[test]
fn the_apps_tls_follows_its_driver() {
    let tls = |query: &str, contract| dsn(&format!("postgres://u:p@h/db{query}")).facts.tls(contract);
    for (query, contract, app) in [
        ("", None, AppTls::Prefer),
        ("", Some(false), AppTls::Unverified),
        ("", Some(true), AppTls::Verified),
        ("?sslmode=disable", Some(true), AppTls::Off),
        ("?ssl=0", None, AppTls::Off),
        ("?sslmode=no-verify", Some(true), AppTls::Unverified),
        ("?ssl=no-verify", None, AppTls::Unverified),
        ("?sslmode=verify-full", Some(false), AppTls::Verified),
        ("?sslmode=verify-ca", None, AppTls::Verified),
        ("?sslmode=verify-ca&uselibpqcompat=true", None, AppTls::VerifiedCa),
        ("?sslmode=require", None, AppTls::Verified),
        ("?ssl=true", None, AppTls::Verified),
        ("?sslmode=require", Some(false), AppTls::Unverified),
        ("?sslmode=require&uselibpqcompat=true", None, AppTls::Unverified),
        ("?sslmode=require&schema=public", None, AppTls::Unverified),
        ("?sslmode=require&sslaccept=strict", None, AppTls::Verified),
        ("?sslmode=prefer", None, AppTls::Verified),
        ("?sslmode=prefer&schema=public", None, AppTls::Prefer),
        ("?sslmode=verify_full", None, AppTls::Verified),
    ] {
        assert_eq!(tls(query, contract), app, "{query} {contract:?}");
    }
}

#[test]
fn pgsslmode_counts_when_the_string_is_silent() {
    let with = |text: &str| parse(&SecretString::from(text.to_owned()), Some("require")).facts;
    assert_eq!(with("postgres://u@h/db").sslmode_from, Some(Origin::Environment));
    assert_eq!(with("postgres://u@h/db?sslmode=disable").sslmode, Some(SslMode::Disable));
}

proptest! {
    #[test]
    fn no_string_makes_it_panic(text in ".{0,200}", prefix in "(postgres(ql)?://)?") {
        let d = dsn(&format!("{prefix}{text}"));
        prop_assert!(d.facts.usable() || d.endpoints.is_empty());
    }

    #[test]
    fn a_password_is_in_no_fact(before in r"[ -~]{0,12}", after in r"[ -~]{0,12}", query in "[a-z=&]{0,12}") {
        let d = dsn(&format!("postgres://app:{before}c4n4ry{after}@db.example/shop?{query}"));
        let json = serde_json::to_string(&d.facts).unwrap();
        prop_assert!(!json.contains("c4n4ry"), "{json}");
    }

    #[test]
    fn an_encoded_password_comes_back_whole(secret in "[ -~é☃]{1,24}") {
        let encoded = percent_encoding::utf8_percent_encode(&secret, percent_encoding::NON_ALPHANUMERIC);
        let d = dsn(&format!("postgres://app:{encoded}@db.example/shop"));
        prop_assert_eq!(password(&d), Some(secret.as_str()));
        prop_assert!(d.facts.malformed.is_empty());
    }
}
