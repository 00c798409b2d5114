//! The triggers of a pool, as operations ask them: one file for each, with its event, its answer, and the verb.
//!
//! A trigger is asked before the batch is made that its answer decides about, or after a commit: never by whoever holds something
//! that others wait for, such as a turn or a place to hash. What it has decided rests on what was read before; the batch expects
//! that unchanged. If it has changed, the operation runs again and reads anew. Then the same event is not sent again: its answer
//! stands for this request. If the event is another one now, it is another question, which the function is asked under a key
//! of its own.
//!
//! A pool without a trigger of a kind pays nothing for it, not even the making of the event.
//!
//! Adding one: a file here with `impl Trigger` and the verb; its ARN in `PoolTriggers` (`proto/storage/v1/pool.proto`) and in
//! LambdaConfig (`operations::pools::triggers`).

pub mod auth_challenges;
pub mod custom_message;
mod post_authentication;
pub mod post_confirmation;
mod pre_authentication;
pub mod pre_sign_up;
pub mod pre_token_generation;
pub mod user_migration;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use super::pools::Pool;
use super::users::{User, status_name};
use super::{Cx, Metadata};
use crate::crypto::keys::{sha256, uuid_of};
use crate::domain::attributes::Attributes;
use crate::error::Error;
use crate::store::records;
use crate::triggers::{Failure, Trigger, Whom, event, response_of, typed};

/// What functions have answered to this request, by the function and the event.
#[derive(Default)]
pub struct Answered {
    /// What keeps the keys of this request apart from those of others.
    nonce: OnceLock<Uuid>,
    answers: Mutex<HashMap<Question, Result<Arc<Value>, Failure>>>,
}

/// The ARN of a function, and the event that it is sent.
type Question = (String, Bytes);

impl Answered {
    fn to(&self, question: &Question) -> Option<Result<Arc<Value>, Failure>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(question).cloned()
    }

    fn keep(&self, question: Question, answer: Result<Arc<Value>, Failure>) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(question, answer);
    }
}

impl Cx<'_> {
    /// Asks the function of this ARN about a user of the pool, or of whoever is to be one, by their username. `client` is the one
    /// through which it happens, if any.
    async fn ask<T: Trigger>(
        &self,
        pool: &Pool,
        arn: &str,
        (username, client): (&str, Option<&str>),
        trigger: &T,
    ) -> Result<T::Response, Error> {
        let whom = Whom { region: &self.region, pool: &pool.id.0, username, client };
        let event = event(&whom, trigger).map_err(Error::internal)?;
        // In a box: few requests have any use for it, and none should carry its size.
        let answer = Box::pin(self.answer_to(pool, arn, T::NAME, event)).await;
        let answer = answer.and_then(|answer| typed(&answer));
        answer.map_err(|failure| match failure {
            Failure::Thrown(message) => Error::TriggerThrew { trigger: T::NAME, message },
            Failure::NotInvoked(cause) => Error::TriggerNotInvoked { trigger: T::NAME, cause },
            Failure::Unusable(text) => Error::TriggerAnswerUnusable(text.into()),
            Failure::TooMany => Error::TooManyRequests,
        })
    }

    async fn answer_to(&self, pool: &Pool, arn: &str, name: &str, event: Bytes) -> Result<Arc<Value>, Failure> {
        let question = (arn.to_owned(), event);
        if let Some(known) = self.answered.to(&question) {
            return known;
        }
        let event = &question.1;
        let key = self.key_of(event);
        let called = self.triggers.call(arn, event, key, self.now()).await;
        let answer = called.and_then(|answer| response_of(event, &answer)).map(Arc::new);
        if let Err(failure) = &answer {
            // What the function says is for the caller: it may name the user.
            let problem = match failure {
                Failure::Thrown(_) => "the function reports an error",
                Failure::NotInvoked(cause) => cause,
                Failure::Unusable(text) => text,
                Failure::TooMany => "as many calls of the function are under way as may be",
            };
            tracing::warn!(trigger = name, arn, pool.id = %pool.id.0, problem, "a trigger failed");
        }
        if !matches!(answer, Err(Failure::TooMany)) {
            self.answered.keep(question, answer.clone());
        }
        answer
    }

    /// By which a function knows a second try: the same for the same event of one request, and for no other.
    fn key_of(&self, event: &[u8]) -> Uuid {
        let nonce = self.answered.nonce.get_or_init(|| self.rng.uuid());
        uuid_of(sha256(&[nonce.as_bytes().as_slice(), event].concat()))
    }

    /// What the client sends along, as `clientMetadata`.
    fn client_metadata(&self) -> Option<BTreeMap<&str, &str>> {
        match self.metadata {
            Metadata::ForTriggers(metadata) => Some(in_order(metadata)),
            _ => None,
        }
    }

    /// What the client sends along when a sign-in begins, as `validationData`.
    fn validation_data(&self) -> Option<BTreeMap<&str, &str>> {
        match self.metadata {
            Metadata::ForTheBeginning(metadata) => Some(in_order(metadata)),
            _ => None,
        }
    }
}

/// The same for the same request, however often it is written.
fn in_order(metadata: &HashMap<String, String>) -> BTreeMap<&str, &str> {
    metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

impl Pool {
    /// Whether a sign-in that needs no further proof may have to wait for a function.
    pub fn asks_before_tokens(&self) -> bool {
        let asks = |triggers: &records::PoolTriggers| {
            triggers.post_authentication.is_some()
                || triggers.define_auth_challenge.is_some()
                || triggers.custom_message.is_some()
                || triggers.pre_token_generation.is_some()
                || triggers.pre_token_generation_config.is_some()
        };
        self.record.triggers.as_ref().is_some_and(asks)
    }

    /// The ARN of one of the pool's triggers, if it has that one.
    fn trigger(&self, of: impl Fn(&records::PoolTriggers) -> Option<&String>) -> Option<&str> {
        self.record.triggers.as_ref().and_then(of).map(String::as_str)
    }
}

/// A user's attributes as events tell them.
fn told_attributes(user: &User) -> Attributes {
    told_attributes_of(&user.record)
}

fn told_attributes_of(user: &records::User) -> Attributes {
    let mut told = user.attributes.clone();
    told.insert("sub".to_owned(), user.sub.clone());
    told.insert("cognito:user_status".to_owned(), status_name(user.status()).to_owned());
    told
}
