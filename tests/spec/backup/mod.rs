//! Backups: what they bring back, and what they do not.

mod control;
mod epoch;
mod examination;
mod restore;
