//! The sandbox: real servers on 127.0.0.1, started as Rust values and gone when they are dropped.

pub mod aws;
pub mod ca;
pub mod channel;
pub mod client;
pub mod dns;
pub mod estate;
pub mod front;
pub mod golden;
pub mod mail;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod runtime;
pub mod sandbox;
pub mod scale;
pub mod serve;
pub mod shop;
pub mod site;
pub mod stack;
pub mod stories;
pub mod story;
pub mod stranger;
pub mod upstash;
