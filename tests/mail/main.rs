//! Mail and text messages: servers that fail in every way, and what becomes of the messages.

#[path = "../support/mod.rs"]
mod support;

mod crash;
mod hook;
mod link;
mod outbox;
mod post_office;
mod server;
mod smtp;
