//! The lower rungs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test that fails panics

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::{ask, port};
use tokio::net::TcpListener;
use vigie_core::cause::Cause;
use vigie_core::facts::{Climb, Rung};
use vigie_probe::ask::Deadline;
use vigie_probe::net;

#[tokio::test]
async fn addresses_pass_the_guard_or_are_refused() {
    let mut ask = ask(&[]);
    ask.net.refused = Arc::new(vec!["127.0.0.1:9001".parse().unwrap()]);
    for host in ["169.254.169.254", "[fd00:ec2::254]", "::ffff:169.254.169.254", "0.0.0.0", "fe80::1", "[::]"] {
        assert_eq!(net::resolve(&ask, host, 80).await, Err(Cause::AddressRefused), "{host}");
    }
    // Lambda's own Runtime API, however its address is written; the same host on another port is fine.
    assert_eq!(net::resolve(&ask, "127.0.0.1", 9001).await, Err(Cause::AddressRefused));
    assert_eq!(net::resolve(&ask, "::ffff:127.0.0.1", 9001).await, Err(Cause::AddressRefused));
    assert!(net::resolve(&ask, "127.0.0.1", 9002).await.is_ok());
    assert!(net::resolve(&ask, "[::1]", 9001).await.is_ok());
    let refused = ["169.254.169.254:80".parse().unwrap()];
    assert_eq!(net::connect(&ask, &refused).await.unwrap_err(), Cause::AddressRefused);
}

#[tokio::test]
async fn a_closed_port_refuses_and_the_next_address_is_tried() {
    let ask = ask(&[]);
    let closed = ([127, 0, 0, 1], port()).into();
    assert_eq!(net::connect(&ask, &[closed]).await.unwrap_err(), Cause::Refused);
    let open = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr();
    let listener = TcpListener::bind(open.unwrap()).await.unwrap();
    let stream = net::connect(&ask, &[closed, listener.local_addr().unwrap()]).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
}

#[tokio::test]
async fn a_failing_ladder_is_climbed_twice_and_the_last_counts() {
    let ask = ask(&[]);
    let climbs = AtomicU32::new(0);
    let (ladder, facts) = net::twice(&ask, || async {
        let n = climbs.fetch_add(1, Ordering::Relaxed);
        let mut climb = Climb::default();
        let answer = if n == 0 { Err(Cause::Reset) } else { Ok(n) };
        let fact = net::rung(&ask, &mut climb, Rung::Connect, async { answer }).await;
        (climb, fact)
    })
    .await;
    assert_eq!(facts, Ok(1));
    assert_eq!(ladder.attempts.len(), 2);
    assert_eq!(ladder.attempts[0][0].cause, Some(Cause::Reset));
    assert_eq!(ladder.failed(), None);
}

#[tokio::test]
async fn a_ladder_that_holds_or_was_never_on_the_network_is_climbed_once() {
    let ask = ask(&[]);
    for answer in [Ok(()), Err(Cause::Malformed)] {
        let (ladder, _) = net::twice(&ask, || async {
            let mut climb = Climb::default();
            let fact = net::rung(&ask, &mut climb, Rung::Resolve, async { answer }).await;
            (climb, fact)
        })
        .await;
        assert_eq!(ladder.attempts.len(), 1);
    }
}

#[tokio::test]
async fn the_deadline_ends_a_rung_and_the_climbing() {
    let mut ask = ask(&[]);
    ask.deadline = Deadline::within(Duration::from_millis(50));
    let (ladder, ()) = net::twice(&ask, || async {
        let mut climb = Climb::default();
        let forever = std::future::pending::<Result<(), Cause>>();
        let _ = net::rung(&ask, &mut climb, Rung::Connect, forever).await;
        (climb, ())
    })
    .await;
    assert_eq!(ladder.attempts.len(), 1);
    assert_eq!(ladder.failed().unwrap().cause, Some(Cause::Deadline));
}
