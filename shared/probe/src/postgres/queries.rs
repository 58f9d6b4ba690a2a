//! The questions of a session. Simple queries alone, which every pooler carries; whatever is set ends with its transaction,
//! since behind a pooler the next one is somebody else's.

use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};
use vigie_core::Named;
use vigie_core::cause::Cause;
use vigie_core::check::Suite;
use vigie_core::evidence::clean;
use vigie_core::facts::postgres::{Ages, Session, Slots};
use vigie_core::facts::{Fact, Gap, Identity};

use super::login::{Login, fall};
use crate::ask::{Ask, RUNG};
use crate::net::Fall;

/// The query rung.
pub async fn one(login: &Login) -> Result<(), Fall> {
    let answer = login.client.simple_query("SELECT 1").await.map_err(|error| fall(&error))?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    if row == Some("1") { Ok(()) } else { Err(Cause::Protocol.into()) }
}

const SESSION: &str = "SELECT pg_is_in_recovery(), \
    current_setting('transaction_read_only'), current_setting('default_transaction_read_only'), \
    current_setting('server_version')";

/// TLS of this session as the server sees it, and of the user's others: their addresses and TLS it may see.
const TLS: &str = "SELECT (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl), \
    (SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
      WHERE a.usename = current_user AND a.pid <> pg_backend_pid() AND NOT s.ssl AND a.client_addr IS NOT NULL \
        AND NOT a.client_addr <<= '127.0.0.0/8' AND a.client_addr <> '::1')";

/// Of a session that nobody has set anything in: the first transaction after the login.
pub async fn session(ask: &Ask, login: &Login) -> Fact<Session> {
    let own = rows(ask, login, SESSION).await;
    let tls = only(rows(ask, login, TLS).await, |row| {
        Some((column(row, 0).map(clean), column(row, 1)?.parse::<u64>().ok()?))
    });
    let (version, others) = match tls {
        Ok((version, others)) => (version, Fact::Known(others)),
        Err(gap) => (None, Fact::Gap(gap)),
    };
    let read = |row: &SimpleQueryRow| -> Option<Session> {
        Some(Session {
            // What the server says is of its own session: behind a pooler not the app's.
            tls: login.encrypted.then(|| login.version.clone().or(version).unwrap_or_else(|| "TLS".to_owned())),
            remote: login.remote,
            others_in_clear: others,
            in_recovery: column(row, 0)? == "t",
            read_only: column(row, 1)? == "on" || column(row, 2)? == "on",
            server_version: clean(column(row, 3)?.split_whitespace().next()?),
        })
    };
    only(own, read).into()
}

/// Without pg_read_all_stats another role's session shows its user and database but not its kind: it is counted when it
/// has both, as client sessions do (PostgreSQL documentation, 28.2.3 pg_stat_activity). A setting that this version lacks is 0.
const SLOTS: &str = "SELECT \
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
      OR (backend_type IS NULL AND datid IS NOT NULL AND usesysid IS NOT NULL)), \
    current_setting('max_connections'), \
    coalesce(current_setting('superuser_reserved_connections', true), '0'), \
    coalesce(nullif(current_setting('reserved_connections', true), ''), '0'), \
    coalesce(nullif(current_setting('rds.rds_superuser_reserved_connections', true), ''), '0')";

pub async fn slots(ask: &Ask, login: &Login) -> Fact<Slots> {
    let read = |row: &SimpleQueryRow| -> Option<Slots> {
        let number = |at: usize| column(row, at)?.parse::<u64>().ok();
        let reserved = number(2)?.checked_add(number(3)?)?.checked_add(number(4)?)?;
        Some(Slots { used: number(0)?, max: number(1)?, reserved })
    };
    only(rows(ask, login, SLOTS).await, read).into()
}

/// The 100 oldest databases; a server that has more has its oldest among them.
const AGES: &str = "SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database \
    ORDER BY greatest(age(datfrozenxid), mxid_age(datminmxid)) DESC LIMIT 100";

pub async fn ages(ask: &Ask, login: &Login) -> Fact<Named<Ages>> {
    if ask.suite != Suite::Full {
        return Fact::gap(Cause::NotAsked, Identity::App);
    }
    let age = |row: &SimpleQueryRow, at: usize| column(row, at)?.parse::<u64>().ok();
    let read = |row: &SimpleQueryRow| -> Option<(String, Ages)> {
        Some((clean(column(row, 0)?), Ages { transactions: age(row, 1)?, multixacts: age(row, 2)? }))
    };
    let ages = rows(ask, login, AGES).await.and_then(|rows| {
        let read: Option<Named<Ages>> = rows.iter().map(read).collect();
        read.filter(|ages| !ages.is_empty()).ok_or(gap(Cause::Protocol))
    });
    ages.into()
}

fn column(row: &SimpleQueryRow, at: usize) -> Option<&str> {
    row.try_get(at).ok().flatten()
}

fn only<T>(rows: Result<Vec<SimpleQueryRow>, Gap>, read: impl FnOnce(&SimpleQueryRow) -> Option<T>) -> Result<T, Gap> {
    rows?.first().and_then(read).ok_or(gap(Cause::Protocol))
}

/// One question in a transaction of its own; its failure is a gap of its own.
async fn rows(ask: &Ask, login: &Login, question: &str) -> Result<Vec<SimpleQueryRow>, Gap> {
    let batch = format!("BEGIN; SET LOCAL statement_timeout = 4000; {question}; ROLLBACK");
    let answer = ask.deadline.run(RUNG, login.client.simple_query(&batch)).await.map_err(gap)?;
    match answer {
        Ok(messages) => Ok(messages
            .into_iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
            .collect()),
        Err(error) => {
            // The rest of the batch was not run: the transaction is still open, and aborted.
            let _ = ask.deadline.run(RUNG, login.client.simple_query("ROLLBACK")).await;
            Err(gap(fall(&error).cause))
        }
    }
}

const fn gap(cause: Cause) -> Gap {
    Gap::new(cause, Identity::App)
}
